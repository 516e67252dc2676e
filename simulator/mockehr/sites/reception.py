"""What a site does with one HL7 message that came in: as its listener says, applied, counted, repeated, parked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import JSON, Exchange
from mockehr.hl7.accept import accept, refuse_header
from mockehr.hl7.ack import Outcome
from mockehr.hl7.answers import Respond
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.header import Header, read_header
from mockehr.hl7.message import Message
from mockehr.hl7.versions import at_least
from mockehr.sites.inbox import identity_of
from mockehr.sites.intents import apply_intents
from mockehr.sites.interposing import route
from mockehr.sites.listeners import Listener
from mockehr.sites.questions import ask
from mockehr.sites.site import Site

_NUMBER: Final = re.compile("-?[0-9]{1,10}")
MOST_LINES: Final = 1_000_000
"""Segments, or lines within them, of one message; each costs memory, so that a frame of nothing but ends could take
all there is."""
RETRY: Final = "RETRY"
"""Method of an exchange that tries a parked message once more."""


@dataclass(slots=True)
class Answered:
    """What became of one message: the outcome, its faults, and the acknowledgements that its header wants.

    `respond` builds an application reply that is more than an ACK, of `resources` written or found, of which there
    are `total`. `earlier` holds an accept acknowledgement that goes out before the application's (enhanced mode).
    """

    outcome: Outcome
    faults: tuple[Fault, ...] = ()
    text: str = ""
    respond: Respond | None = None
    resources: Sequence[JSON] = ()
    total: int = 0
    earlier: tuple[bytes, ...] = ()
    repeated: tuple[bytes, ...] | None = None
    """The acknowledgements of the first time, of a message that was applied before."""
    expected: int | None = None
    """MSA-4, of a listener that counts."""


def header_of(exchange: Exchange) -> Header:
    """The header of an HL7 message, read once while it is handled. Raises NotHL7."""
    kept = exchange.header
    if kept is not None and kept[0] is exchange.body:
        header: Header = kept[1]
        return header
    header = read_header(exchange.body)
    exchange.header = (exchange.body, header)
    return header


def receive(site: Site, exchange: Exchange) -> Answered:
    """Perform a message that has a header."""
    listener = site.listeners.of(exchange.path)
    header = header_of(exchange)
    if listener.duplicates != "apply" and header.control_id:
        known = site.listeners.inbox.find(identity_of(header))
        if known is not None:
            exchange.notes["repeats"] = known.entry
            if listener.duplicates == "repeat-ack":
                return Answered("A", repeated=known.acks)
            text = f"{header.control_id} was taken before"
            return _refused(exchange, Rejection("AE", Fault(205, "MSH", 1, 10, text=text)))
    if listener.sequence and header.field(13):
        return _counted(site, exchange, listener, header)
    return _applied(site, exchange, listener, header)


def remember(site: Site, exchange: Exchange, answered: Answered, acks: tuple[bytes, ...]) -> None:
    """Keep what a message was answered, or the message where it was refused, if its listener wants that."""
    listener = site.listeners.of(exchange.path)
    if answered.outcome == "A":
        if listener.duplicates != "apply" and answered.repeated is None:
            header = header_of(exchange)
            if header.control_id:
                site.listeners.inbox.remember(identity_of(header), exchange.number, acks)
    elif listener.park and exchange.method != RETRY:
        _park(site, exchange, listener, reason_of(answered))


def reason_of(answered: Answered) -> str:
    """In words, why a message was refused."""
    fault = answered.faults[0] if answered.faults else None
    return answered.text or (fault.text or fault.meaning if fault else "") or "it was refused"


def _park(site: Site, exchange: Exchange, listener: Listener, reason: str) -> None:
    parking = site.links.parking
    same = next((one for one in parking if one.way == "in" and one.body == exchange.body), None)
    if same is not None:
        parking.again(same, reason)
    else:
        kind = exchange.interaction.name if exchange.interaction else "unknown"
        control_id = str(exchange.notes.get("control_id", ""))
        same = parking.add(
            "in", listener.name, exchange.body, kind=kind, control_id=control_id, reason=reason, at=site.clock.now()
        )
    exchange.notes["parked"] = same.number


def _counted(site: Site, exchange: Exchange, listener: Listener, header: Header) -> Answered:
    """A message with a sequence number (`mockehr.hl7.sequence`): only what is expected is applied."""
    expectation = site.listeners.counts(listener).of(header)
    before = expectation.last
    text = header.field(13).decode("latin-1")
    number = int(text) if _NUMBER.fullmatch(text) else -2
    verdict = expectation.judge(number)
    exchange.notes["sequence"] = verdict
    if verdict in ("control", "repeated"):
        return Answered("A", expected=expectation.expected)
    if verdict == "take":
        answered = _applied(site, exchange, listener, header)
        answered.expected = number
        if answered.outcome != "A":
            expectation.untake(before)
        return answered
    wanted = f"sequence number {text} in place of {expectation.expected}"
    answered = _refused(exchange, Rejection("AE", Fault(100, "MSH", 1, 13, text=wanted)))
    answered.expected = expectation.expected
    return answered


def _applied(site: Site, exchange: Exchange, listener: Listener, header: Header) -> Answered:
    respond: Respond | None = None
    warnings: list[Fault] = []
    try:
        listener.refuse_unwanted(header)
        if exchange.body.count(b"\r") + exchange.body.count(b"\n") > MOST_LINES:
            raise Rejection("AR", Fault(207, "MSH", text=f"more than {MOST_LINES} segments are too many"))
        if site.front is not None and site.front.passes_hl7:
            refuse_header(header, listener.context(site.clock.now(), site.dialect))
            return route(site, exchange, header.kind)
        accepted = accept(Message(exchange.body), listener.context(site.clock.now(), site.dialect))
        respond = accepted.respond
        written = apply_intents(site, accepted, exchange, warnings)
        documents, total = [record.document for record in written], len(written)
        if accepted.question is not None:
            documents, total = ask(site, accepted.question)
    except Rejection as rejection:
        return _refused(exchange, rejection, respond)
    exchange.returned = tuple(f"{one['resourceType']}/{one['id']}" for one in documents)
    exchange.patient = next((record.patient for record in written if record.patient), "")
    # Before 2.5 an ERR has no severity: beside an AA it would only confuse.
    faults = tuple(warnings) if at_least(header.version, "2.5") else ()
    return Answered("A", faults, respond=respond, resources=documents, total=total)


def _refused(exchange: Exchange, rejection: Rejection, respond: Respond | None = None) -> Answered:
    exchange.notes["refused"] = rejection.what
    return Answered("R" if rejection.code == "AR" else "E", rejection.faults, rejection.what, respond)
