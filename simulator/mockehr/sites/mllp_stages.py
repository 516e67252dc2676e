"""The nine stages of HL7 v2 messages that come in over MLLP, and of those that go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mockehr.core.exchange import JSON, Exchange, Interaction, Reply
from mockehr.core.pipeline import Pipeline, Stage
from mockehr.core.problem import Problem
from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Context
from mockehr.hl7.ack import UNKNOWN_HEADER, Code, Outcome, acknowledge, acknowledgements
from mockehr.hl7.answers import Respond, Situation
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.header import Header, NotHL7, read_header
from mockehr.hl7.message import Message
from mockehr.sites.intents import apply_intents
from mockehr.sites.questions import ask
from mockehr.sites.site import Site


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
            "shape": lambda exchange: site.mischief.disturb("on_message", exchange),
            "disturb_reply": _open,
            "render": lambda exchange: site.mischief.disturb("on_wire", exchange),
            "close_entry": _open,
        }
    ).run(exchange)


def _open(exchange: Exchange) -> None:
    """This channel has nothing to do at this stage: links are trusted by port."""


def _perform(site: Site, exchange: Exchange) -> Answered:
    respond: Respond | None = None
    try:
        accepted = accept(Message(exchange.body), Context(site.clock.now(), site.dialect))
        respond = accepted.respond
        written = apply_intents(site, accepted, exchange)
        documents, total = [record.document for record in written], len(written)
        if accepted.question is not None:
            documents, total = ask(site, accepted.question)
    except Rejection as rejection:
        exchange.notes["refused"] = rejection.what
        return Answered("R" if rejection.code == "AR" else "E", rejection.faults, rejection.what, respond)
    exchange.returned = tuple(f"{one['resourceType']}/{one['id']}" for one in documents)
    exchange.patient = next((record.patient for record in written if record.patient), "")
    return Answered("A", respond=respond, resources=documents, total=total)


def _reply(site: Site, exchange: Exchange) -> Reply:
    result = exchange.result
    if isinstance(result, Problem):
        result = Answered("E", (Fault(207, text=result.text),), result.text)
    assert isinstance(result, Answered)
    header = _header(exchange)
    taken: Outcome = "R" if result.outcome == "R" else "A"
    name = f"{site.name.upper()}{exchange.number}"
    codes = acknowledgements(header, result.outcome, accepted=taken)
    bodies = [_body(site, header, code, result, f"{name}{n or ''}") for n, code in enumerate(codes)]
    result.earlier = tuple(bodies[:-1])
    exchange.result = result
    return Reply(200 if result.outcome == "A" else 400, body=bodies[-1] if bodies else b"")


def _body(site: Site, header: Header, code: Code, result: Answered, control_id: str) -> bytes:
    """One acknowledgement; the application's is the reply that the message's own family writes, if it has one."""
    now = site.clock.now()
    if result.respond is None or code[0] == "C":
        return acknowledge(header, code, at=now, control_id=control_id, text=result.text, errors=result.faults)
    return result.respond(
        Situation(
            header, code, now, control_id, site.dialect, result.resources, result.total, result.text, result.faults
        )
    )


def _header(exchange: Exchange) -> Header:
    try:
        return read_header(exchange.body)
    except NotHL7:
        return UNKNOWN_HEADER
