"""What comes in: a message becomes neutral write intents. Nothing here touches a store."""

from __future__ import annotations

from typing import Final

from mockehr.core.errors import nearest_names
from mockehr.core.registry import Registry
from mockehr.hl7.accept.intents import Accepted, Acceptor, Context
from mockehr.hl7.families import collect
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.header import Header
from mockehr.hl7.message import Message

ACCEPTORS: Final[Registry[Acceptor]] = collect("accepted HL7 message", __name__, __path__, "ACCEPTS")
"""By message type and trigger, such as `ADT^A01`."""


def accept(message: Message, context: Context) -> Accepted:
    """What a message asks to be written.

    Raises Rejection: AR if the message is not for this system (type, event, version or processing id), AE if its
    content cannot be applied.
    """
    header = message.header
    refuse_header(header, context)
    if header.kind not in ACCEPTORS:
        kind = header.kind.partition("^")[0]
        # A trigger is told by those of its own type: any other type would be another matter.
        of_type = [name for name in ACCEPTORS if name.startswith(f"{kind}^")]
        near = nearest_names(header.kind, of_type or ACCEPTORS, limit=2) if header.kind else []
        text = f"{header.kind or 'An empty MSH-9'} is not accepted"
        if near:
            text = f"{text}; nearest: {', '.join(near)}"
        raise Rejection("AR", Fault(201 if of_type else 200, "MSH", 1, 9, 2 if of_type else 1, text))
    return ACCEPTORS.get(header.kind)(message, context)


def refuse_header(header: Header, context: Context) -> None:
    """Raise Rejection for what the header alone is refused for, whatever the message is."""
    if not header.control_id:
        raise Rejection("AE", Fault(101, "MSH", 1, 10, text="MSH-10 (message control id) is empty"))
    if context.processing_ids and header.processing_id not in context.processing_ids:
        wanted = ", ".join(sorted(context.processing_ids))
        raise Rejection("AR", Fault(202, "MSH", 1, 11, text=f"MSH-11 is {header.processing_id!r}, not {wanted}"))
    if context.versions and header.version not in context.versions:
        wanted = ", ".join(sorted(context.versions))
        raise Rejection("AR", Fault(203, "MSH", 1, 12, text=f"MSH-12 is {header.version!r}, not {wanted}"))
