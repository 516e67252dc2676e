"""MEDITECH's documents: the text itself, as a report that a line printer could have made. Sources: notes.md."""

from __future__ import annotations

import base64
import binascii
import html
import re
import textwrap
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, drop, keep, text_of
from mockehr.personalities.dates import moment
from mockehr.personalities.inline import linked
from mockehr.personalities.meditech.look import Look, last_first
from mockehr.personalities.people import main_name

WIDTH: Final = 72
_BREAK: Final = re.compile(r"<(?:br|/p|/h[1-6]|/li|/tr|/title)\b[^>]*>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^>]*>")
_HEAD: Final = re.compile(r"<head\b.*?</head>", re.IGNORECASE | re.DOTALL)


def shape_document(made: JSON, clean: JSON, look: Look) -> JSON:
    """Every text inline, as plain text of fixed width."""
    contents = []
    for told, original in zip(made.get("content", ()), clean.get("content", ()), strict=False):
        contents.append(
            {"attachment": _attachment(told.get("attachment", {}), original.get("attachment", {}), clean, look)}
        )
    made["content"] = contents
    if isinstance(made.get("context"), dict):
        made["context"] = keep(made["context"], "encounter", "period")
    drop(made, "identifier", "masterIdentifier", "description", "securityLabel", "authenticator")
    return made


def _attachment(made: JSON, told: JSON, clean: JSON, look: Look) -> JSON:
    text = _text(told, clean, look)
    if text is None:
        return keep(made, "contentType", "url", "data")
    report = "\r\n".join([*_header(clean, look), "", *_lines(text), ""])
    return {"contentType": "text/plain", "data": base64.b64encode(report.encode()).decode()}


def _text(told: JSON, clean: JSON, look: Look) -> str | None:
    """The text that an attachment holds or leads to; None of what is no text."""
    where = linked(told, clean)
    holder = told if "data" in told else look.dresser.neighbour(where) if where else None
    media = str(told.get("contentType", "text/plain"))
    if holder is None or not media.startswith("text/"):
        return None
    try:
        text = base64.b64decode(str(holder.get("data", ""))).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None
    text = _plain(text) if media.startswith("text/html") else text
    number = _number(look)
    return text.replace(f"MRN {number}", f"MRN {look.record_number(number)}") if number else text


def _plain(marked: str) -> str:
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", _HEAD.sub("", marked)))).strip()


def _number(look: Look) -> str:
    """The patient's record number as the population has it."""
    patient = next(iter(look.dresser.all_of("Patient")), {})
    return next((str(one["value"]) for one in patient.get("identifier", ()) if code_in(one.get("type")) == "MR"), "")


def _header(clean: JSON, look: Look) -> list[str]:
    """Who, what and when, in columns."""
    patient = next(iter(look.dresser.all_of("Patient")), {})
    number = _number(look)
    at = moment(str(clean.get("date", "")), "seconds")
    house = str(clean.get("custodian", {}).get("display") or look.dresser.facts.name)
    left = (f"NAME: {last_first(main_name(patient)).upper()}", f"DOB: {patient.get('birthDate', '')}")
    right = (f"MRN: {look.record_number(number) if number else ''}", f"DATE: {at[:10]} TIME: {at[11:13]}{at[14:16]}")
    columns = [f"{one[:40]:<42}{other[:30]}" for one, other in zip(left, right, strict=True)]
    return [
        house.upper()[:WIDTH].center(WIDTH),
        text_of(clean.get("type")).center(WIDTH),
        "-" * WIDTH,
        *columns,
        "-" * WIDTH,
    ]


def _lines(text: str) -> list[str]:
    found: list[str] = []
    for line in text.splitlines():
        found += textwrap.wrap(line, WIDTH) or [""]
    return found
