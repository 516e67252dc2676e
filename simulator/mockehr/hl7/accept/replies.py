"""How application replies begin, and segments about people in them, in the delimiters and version of the question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mockehr.hl7.ack import acknowledge
from mockehr.hl7.answers import Situation
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.outline import Event, Outline
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment
from mockehr.hl7.structures import structure
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Field, Writer


def begin(situation: Situation, kind: str, profile: str = "") -> Message:
    """MSH, MSA and ERR of a reply with that type and trigger, as in an acknowledgement; `profile` is MSH-21."""
    header = situation.header
    reply = Message(
        acknowledge(
            header,
            situation.code,
            at=situation.at,
            control_id=situation.control_id,
            text=situation.text,
            errors=situation.faults,
            habit=situation.dialect.ack,
        )
    )
    parts = kind.split("^")
    if at_least(header.version, "2.4"):
        parts.append(structure(kind, header.version) or "_".join(parts))
    mark = reply.delimiters.component
    reply.set_bytes("MSH-9", mark.join(part.encode() for part in parts))
    if profile:
        reply.set_bytes("MSH-21", mark.join(part.encode() for part in profile.split("^")))
    return reply


def echo(reply: Message, segment: Segment) -> None:
    """Add a segment of the question as it came."""
    reply.append(bytes(segment))


def add(reply: Message, segment_id: str, fields: dict[int, Field]) -> None:
    """Add a segment."""
    reply.append(Writer(reply.delimiters, reply.charset.codec).segment(segment_id, fields))


def write(reply: Message, situation: Situation, told: Callable[[Outline], None]) -> list[Segment]:
    """Add what an emitter's function writes; returns the segments that it added."""
    dialect = of_reply(reply, situation)
    outline = Outline(Event("ACK", situation.at, 0), dialect)
    told(outline)
    before = len(reply.segments)
    for line in outline.finish().split(b"\r")[1:-1]:
        reply.append(line)
    return reply.segments[before:]


def of_reply(reply: Message, situation: Situation) -> Dialect:
    """The site's dialect in the version, delimiters and charset of the question."""
    header = situation.header
    return replace(
        situation.dialect,
        version=header.version or situation.dialect.version,
        delimiters=reply.delimiters,
        charset=header.charset_name,
        z_segments=(),
    )
