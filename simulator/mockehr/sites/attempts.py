"""Attempts to send one message: the exchange of each, and what the answer to it means."""

from __future__ import annotations

from typing import cast

from mockehr.core.exchange import JSON, Exchange, Interaction
from mockehr.hl7.header import NotHL7, read_header
from mockehr.hl7.sequence import after, numbered
from mockehr.sites.feeds import NEGATIVE, Link, Mishap, awaited
from mockehr.sites.spool import Kept


def first_attempt(link: Link, body: bytes, about: Interaction, patient: str) -> Exchange:
    """A message that carries the link's number, which is counted already; the sequence number is counted here."""
    if link.sequence:
        link.last_sequence = after(link.last_sequence)
        body = numbered(body, link.last_sequence)
    exchange = Exchange("mllp-out", "SEND", f"/{link.name}", body=body, direction="out", peer=link.name)
    exchange.interaction, exchange.patient = about, patient
    exchange.notes["message"] = link.number
    return exchange


def next_attempt(link: Link, before: Exchange, attempts: int) -> Exchange:
    """The same message once more, after so many attempts."""
    exchange = Exchange("mllp-out", "SEND", f"/{link.name}", body=before.body, direction="out", peer=link.name)
    exchange.interaction, exchange.patient, exchange.changes = before.interaction, before.patient, before.changes
    exchange.notes |= {name: before.notes[name] for name in ("message", "clean") if name in before.notes}
    if attempts:
        exchange.notes["attempt"] = attempts + 1
    return exchange


def restored(kept: Kept) -> Exchange:
    """The last attempt of a message of an earlier process, as far as the spool knows it."""
    about = kept.about
    exchange = Exchange("mllp-out", body=kept.body, patient=about["patient"], changes=tuple(about["changes"]))
    exchange.interaction = Interaction(about["message"], about["resource"], about["id"])
    exchange.notes["message"] = kept.number
    return exchange


def about_of(exchange: Exchange) -> JSON:
    """What a message is about, as the spool and the error queue keep it."""
    asked = exchange.interaction or Interaction("unknown")
    return {
        "message": asked.name,
        "resource": asked.resource_type,
        "id": asked.id,
        "patient": exchange.patient,
        "changes": list(exchange.changes),
    }


def mishap_of(exchange: Exchange, code: str, matched: bool, error: str, told: Mishap | None) -> Mishap | None:
    """Why a message was not taken; None if it was, or nobody was to say so."""
    if matched and code in ("AA", "CA"):
        return None
    if matched and code in NEGATIVE:
        return cast(Mishap, code)
    if code or (exchange.reply is not None and exchange.reply.body):
        return "unmatched"
    wanted = _awaited(exchange.body)
    if (wanted == "nothing" and not error) or (wanted == "complaint" and told in (None, "timeout")):
        return None
    return told or "timeout"


def _awaited(body: bytes) -> str:
    try:
        return awaited(read_header(body))
    except NotHL7:
        return "answer"


def control_id_of(body: bytes) -> str:
    """MSH-10; empty if there is no header."""
    try:
        return read_header(body).control_id
    except NotHL7:
        return ""
