"""The presented forms of a report as OBX: text as FT, files as ED, links as RP."""

from __future__ import annotations

import binascii
from base64 import b64decode

from mockehr.core.exchange import JSON
from mockehr.hl7.delimiters import escape
from mockehr.hl7.emit.fields import concept_cwe
from mockehr.hl7.emit.outline import Outline
from mockehr.hl7.terms import RESULT_STATUS
from mockehr.hl7.write import Component, Field, Raw


def add_forms(outline: Outline, report: JSON, number: int) -> None:
    """OBX for each form that has data or a url, counted on from `number`, with the status of the report."""
    status = RESULT_STATUS.get(report.get("status", ""), "F")
    for form in report.get("presentedForm", []):
        code = concept_cwe(report.get("code")) or ["", "Report"]
        text = _text(form)
        kind, value = ("FT", formatted(text, outline)) if text is not None else _file(form)
        if not value:
            continue
        if form.get("title") and kind != "FT":
            code = [*code[:1], form["title"], *code[2:]]
        number += 1
        outline.add("OBX", {1: str(number), 2: kind, 3: code, 5: value, 11: status})


def formatted(text: str, outline: Outline) -> Raw:
    """A text as FT: its lines divided by `\\.br\\`."""
    marks = outline.dialect.delimiters
    mark = marks.escape.decode("latin-1")
    lines = [escape(line, marks) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return Raw(f"{mark}.br{mark}".join(lines))


def _file(form: JSON) -> tuple[str, Field]:
    major, _, minor = form.get("contentType", "application/octet-stream").partition(";")[0].partition("/")
    if form.get("data"):
        value: list[Component] = ["", major, minor, "Base64", form["data"]]
        return "ED", value
    return ("RP", [form["url"], "", major, minor]) if form.get("url") else ("", "")


def _text(form: JSON) -> str | None:
    """The text of a plain form; None if it is a file, or cannot be read."""
    if not form.get("contentType", "").startswith("text/plain") or not form.get("data"):
        return None
    try:
        return b64decode(form["data"]).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
