"""The nine stages of HL7 v2 messages that come in over MLLP, and of those that go out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.core.pipeline import Pipeline, Stage
from mockehr.core.problem import Problem
from mockehr.hl7.ack import UNKNOWN_HEADER, Code, Outcome, acknowledge, acknowledgements
from mockehr.hl7.answers import Situation
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.header import Header, NotHL7, read_header
from mockehr.hl7.sequence import expecting
from mockehr.sites.reception import Answered, header_of, receive, remember
from mockehr.sites.site import Site

__all__ = ["Answered", "mllp_stages", "name_message", "prepare_again", "prepare_message"]

_USUAL: Final = 16
"""Characters below which the name of a message is worth keeping."""


def mllp_stages(site: Site) -> Mapping[str, Stage]:
    """The stages of channel `mllp-in`, bound to the site once."""
    mischief = site.mischief

    def perform(exchange: Exchange) -> None:
        exchange.result = receive(site, exchange)

    def shape(exchange: Exchange) -> None:
        exchange.reply = _reply(site, exchange)

    def disturb_ack(exchange: Exchange) -> None:
        if not mischief.armed("mllp-in", "on_ack"):
            return
        clean = exchange.reply.body if exchange.reply is not None else b""
        mischief.disturb("on_ack", exchange)
        if exchange.reply is not None and exchange.reply.body != clean:
            exchange.notes["clean"] = clean.decode("latin-1")

    def render(exchange: Exchange) -> None:
        mischief.disturb("on_wire", exchange)

    return {
        "open_entry": site.journal.open,
        "disturb_arrival": lambda exchange: mischief.disturb("on_request", exchange),
        "authorise": _open,
        "name_interaction": name_message,
        "perform": perform,
        "shape": shape,
        "disturb_reply": disturb_ack,
        "render": render,
        "close_entry": site.journal.close,
    }


def name_message(exchange: Exchange) -> None:
    """What the header says: type and trigger, control id, and the sending application as the client."""
    if exchange.interaction is not None:
        return
    try:
        header = read_header(exchange.body)
    except NotHL7 as error:
        exchange.interaction = Interaction("unknown")
        exchange.result = Answered("R", (Fault(100, "MSH", text=error.what),), error.what)
        return
    exchange.header = (exchange.body, header)
    kind = header.kind or "unknown"
    exchange.interaction = _named(kind) if len(kind) < _USUAL else Interaction(kind)
    exchange.notes["control_id"] = header.control_id
    exchange.client = header.field(3).decode("latin-1")


@lru_cache(maxsize=256)
def _named(kind: str) -> Interaction:
    return Interaction(kind)


def prepare_message(site: Site, exchange: Exchange) -> None:
    """Run an outbound message through its stages but the last; afterwards it is ready to be sent.

    Its entry is closed when the peer has answered (`Links.settle`): until then the journal must not drop its body.
    Where a rule changed the message, the note `clean` has it as it was (octets as Latin-1).
    """
    clean = exchange.body
    _outbound(site, lambda exchange: site.mischief.disturb("on_message", exchange)).run(exchange)
    if exchange.body != clean:
        exchange.notes["clean"] = clean.decode("latin-1")


def prepare_again(site: Site, exchange: Exchange) -> None:
    """The same for one more attempt: the octets are those of the first, only the wire may misbehave anew."""
    _outbound(site, _open).run(exchange)


def _outbound(site: Site, shape: Stage) -> Pipeline:
    return Pipeline(
        {
            "open_entry": site.journal.open,
            "disturb_arrival": _open,
            "authorise": _open,
            "name_interaction": _open,
            "perform": _open,
            "shape": shape,
            "disturb_reply": _open,
            "render": lambda exchange: site.mischief.disturb("on_wire", exchange),
            "close_entry": _open,
        }
    )


def _open(exchange: Exchange) -> None:
    """This channel has nothing to do at this stage: links are trusted by port."""


def _reply(site: Site, exchange: Exchange) -> Reply:
    result = exchange.result
    if isinstance(result, Rejection):
        result = Answered("R" if result.code == "AR" else "E", result.faults, result.what)
    elif isinstance(result, Problem):
        result = Answered("E", (Fault(207, text=result.text),), result.text)
    assert isinstance(result, Answered)
    exchange.result = result
    bodies = result.repeated
    if bodies is None:
        bodies = _bodies(site, exchange, result)
        remember(site, exchange, result, bodies)
    exchange.header = None
    result.earlier = bodies[:-1]
    return Reply(200 if result.outcome == "A" else 400, body=bodies[-1] if bodies else b"")


def _bodies(site: Site, exchange: Exchange, result: Answered) -> tuple[bytes, ...]:
    """The acknowledgements that the header wants, in order."""
    dialect = site.listeners.of(exchange.path).dialect or site.dialect
    header = _header(exchange)
    outcome: Outcome = (dialect.ack.refuses_with or result.outcome) if result.outcome != "A" else "A"
    taken: Outcome = "R" if outcome == "R" else "A"
    name, now = f"{site.name.upper()}{exchange.number}", site.clock.now()
    bodies = []
    for number, code in enumerate(acknowledgements(header, outcome, accepted=taken)):
        body = _body(now, dialect, header, code, result, f"{name}{number or ''}")
        bodies.append(body if result.expected is None else expecting(body, result.expected))
    return tuple(bodies)


def _body(now: float, dialect: Dialect, header: Header, code: Code, result: Answered, control_id: str) -> bytes:
    """One acknowledgement; the application's is the reply that the message's own family writes, if it has one."""
    if result.respond is None or code[0] == "C":
        return acknowledge(
            header, code, at=now, control_id=control_id, text=result.text, errors=result.faults, habit=dialect.ack
        )
    return result.respond(
        Situation(header, code, now, control_id, dialect, result.resources, result.total, result.text, result.faults)
    )


def _header(exchange: Exchange) -> Header:
    try:
        return header_of(exchange)
    except NotHL7:
        return UNKNOWN_HEADER
