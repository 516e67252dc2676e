"""The application reply to orders: ORR^O02, ORL^O22, ORG^O20 or ORI^O24 (HL7 v2 chapter 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mockehr.core.exchange import JSON
from mockehr.hl7.ack import acknowledge
from mockehr.hl7.answers import Situation
from mockehr.hl7.emit.fields import concept_cwe, entity_ei
from mockehr.hl7.message import Message
from mockehr.hl7.order_control import PLAIN_TEXT, REPLIES, Control
from mockehr.hl7.segment import Segment
from mockehr.hl7.structures import structure
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Writer


@dataclass(frozen=True, slots=True)
class Ordered:
    """One order of the message that is answered: its control, its ORC, and the OBR (or RXO …) that followed."""

    control: Control
    orc: Segment
    detail: Segment | None


@dataclass(frozen=True, slots=True)
class OrderReply:
    """Builds the reply: MSH MSA [ERR] [PID] { ORC OBR }, the segments echoed as they came.

    ORC-1 says what became of each order, ORC-3 the number under which this site has it.
    """

    kind: str
    """Type and trigger of the message that is answered."""
    pid: Segment | None
    orders: tuple[Ordered, ...]

    def __call__(self, situation: Situation) -> bytes:
        header = situation.header
        plain = acknowledge(
            header, situation.code, at=situation.at, control_id=situation.control_id, text=situation.text,
            errors=situation.faults,
        )  # fmt: skip
        reply = Message(plain)
        parts = [*REPLIES[self.kind].split("^")]
        if at_least(header.version, "2.4"):
            parts.append(structure(REPLIES[self.kind], header.version) or "_".join(parts))
        reply.set_bytes("MSH-9", reply.delimiters.component.join(part.encode() for part in parts))
        if self.pid is None and self.kind == "OML^O21":
            return bytes(reply)  # ORL has orders below a patient only
        if self.pid is not None:
            reply.append(bytes(self.pid))
        writer = Writer(reply.delimiters, reply.charset.codec)
        accepted = situation.code == "AA"
        written = _orders(situation.resources) if accepted else []
        for order in self.orders:
            self._add(reply, writer, order, accepted, _document(order, written))
        return bytes(reply)

    def _add(self, reply: Message, writer: Writer, order: Ordered, accepted: bool, document: JSON) -> None:
        orc = Segment(bytes(order.orc), reply.delimiters, reply.charset)
        answer = Segment(b"ORC", reply.delimiters, reply.charset)
        answer.set_text(order.control.done if accepted else order.control.failed, 1)
        detail = order.detail
        of_detail = detail if detail is not None and detail.id == "OBR" else None
        for field, kind in ((2, "PLAC"), (3, "FILL")):
            told = orc.field(field) or (of_detail.field(field) if of_detail is not None else b"") or b""
            answer.set_bytes(told or _number(writer, document, kind), field)
        if not at_least(reply.header.version, "2.4"):
            answer.set_bytes(orc.field(7) or b"1", 7)  # quantity and timing, required before 2.4
        reply.append(bytes(answer).rstrip(reply.delimiters.field))
        if detail is None:
            code = writer.field(concept_cwe(document.get("code")) or ["", PLAIN_TEXT])
            detail = Segment(b"OBR", reply.delimiters, reply.charset)
            detail.set_text("1", 1)
            detail.set_bytes(code, 4)
        echoed = Segment(bytes(detail), reply.delimiters, reply.charset)
        if echoed.id == "OBR":
            for field in (2, 3):
                if not echoed.has(field):
                    echoed.set_bytes(answer.field(field) or b"", field)
        reply.append(bytes(echoed))


def _orders(resources: Sequence[JSON]) -> list[JSON]:
    return [one for one in resources if one["resourceType"] in ("ServiceRequest", "MedicationRequest")]


def _document(order: Ordered, written: Sequence[JSON]) -> JSON:
    """What was written of an order: the one with its number, else the first that the sender gave no number."""
    segments = [order.orc, *([order.detail] if order.detail is not None and order.detail.id == "OBR" else [])]
    told = {one.text(field, 1, 1) for one in segments for field in (2, 3)} - {""}
    for document in written:
        numbers = {one["value"] for one in document.get("identifier", [])} | {document["id"]}
        if numbers & told or (not told and len(numbers) == 1):
            return document
    return {}


def _number(writer: Writer, document: JSON, kind: str) -> bytes:
    for identifier in document.get("identifier", []):
        if any(coding.get("code") == kind for coding in identifier.get("type", {}).get("coding", [])):
            return writer.field(entity_ei(identifier))
    return b""
