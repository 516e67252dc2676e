"""The nine stages of HL7 v2 messages that come in over MLLP, and of those that go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.core.pipeline import Pipeline, Stage
from mockehr.core.problem import Problem
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Context
from mockehr.hl7.ack import UNKNOWN_HEADER, Outcome, acknowledge, acknowledgements
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.header import Header, NotHL7, read_header
from mockehr.hl7.message import Message
from mockehr.sites.intents import apply_intents
from mockehr.sites.site import Site


@dataclass(slots=True)
class Answered:
    """What became of one message: the outcome, its faults, and the acknowledgements that its header wants.

    `earlier` holds an accept acknowledgement that goes out before the application's (enhanced mode).
    """

    outcome: Outcome
    faults: tuple[Fault, ...] = ()
    text: str = ""
    earlier: tuple[bytes, ...] = ()


def mllp_stages(site: Site) -> Mapping[str, Stage]:
    """The stages of channel `mllp-in`, bound to the site once."""
    mischief = site.mischief

    def perform(exchange: Exchange) -> None:
        exchange.result = _perform(site, exchange)

    def shape(exchange: Exchange) -> None:
        exchange.reply = _reply(site, exchange)

    def render(exchange: Exchange) -> None:
        mischief.disturb("on_wire", exchange)

    return {
        "open_entry": site.journal.open,
        "disturb_arrival": lambda exchange: mischief.disturb("on_request", exchange),
        "authorise": _open,
        "name_interaction": name_message,
        "perform": perform,
        "shape": shape,
        "disturb_reply": lambda exchange: mischief.disturb("on_ack", exchange),
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
        exchange.result = Answered("R", (Fault(100, "MSH", text=str(error)),))
        return
    exchange.interaction = Interaction(header.kind or "unknown")
    exchange.notes["control_id"] = header.control_id
    exchange.client = header.field(3).decode("latin-1")


def prepare_message(site: Site, exchange: Exchange) -> None:
    """Run an outbound message through its stages but the last; afterwards it is ready to be sent.

    Its entry is closed when the peer has answered (`Links.settle`): until then the journal must not drop its body.
    """
    Pipeline(
        {
            "open_entry": site.journal.open,
            "disturb_arrival": _open,
            "authorise": _open,
            "name_interaction": _open,
            "perform": _open,
            "shape": _open,
            "disturb_reply": _open,
            "render": lambda exchange: site.mischief.disturb("on_wire", exchange),
            "close_entry": _open,
        }
    ).run(exchange)


def _open(exchange: Exchange) -> None:
    """This channel has nothing to do at this stage: links are trusted by port."""


def _perform(site: Site, exchange: Exchange) -> Answered:
    try:
        accepted = accept(Message(exchange.body), Context(site.clock.now(), site.dialect))
    except Rejection as rejection:
        exchange.notes["refused"] = rejection.what
        return Answered("R" if rejection.code == "AR" else "E", rejection.faults, rejection.what)
    written = apply_intents(site, accepted, exchange)
    exchange.returned = tuple(record.key for record in written)
    exchange.patient = next((record.patient for record in written if record.patient), "")
    return Answered("A")


def _reply(site: Site, exchange: Exchange) -> Reply:
    result = exchange.result
    if isinstance(result, Problem):
        result = Answered("E", (Fault(207, text=result.text),), result.text)
    assert isinstance(result, Answered)
    header = _header(exchange)
    taken: Outcome = "R" if result.outcome == "R" else "A"
    bodies = [
        acknowledge(
            header,
            code,
            at=site.clock.now(),
            control_id=f"{site.name.upper()}{exchange.number}{'' if n == 0 else n}",
            text=result.text,
            errors=result.faults,
        )
        for n, code in enumerate(acknowledgements(header, result.outcome, accepted=taken))
    ]
    result.earlier = tuple(bodies[:-1])
    exchange.result = result
    return Reply(200 if result.outcome == "A" else 400, body=bodies[-1] if bodies else b"")


def _header(exchange: Exchange) -> Header:
    try:
        return read_header(exchange.body)
    except NotHL7:
        return UNKNOWN_HEADER
