"""The application reply to RDE, RDS and RAS: RRE^O12, RRD^O14 and RRA^O18, all of trigger O02 before 2.4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.hl7.accept.replies import begin, echo
from mockehr.hl7.answers import Situation
from mockehr.hl7.emit.fields import entity_ei
from mockehr.hl7.emit.treatment import numbered, own_number
from mockehr.hl7.segment import Segment
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Writer

_REPLIES: Final = {"RDE": ("RRE", "O12"), "RDS": ("RRD", "O14"), "RAS": ("RRA", "O18")}
_RESOURCES: Final = {"RDE": "MedicationRequest", "RDS": "MedicationDispense", "RAS": "MedicationAdministration"}
_DONE: Final = {"NW": "OK", "CA": "CR", "DC": "DR", "HD": "HR", "RL": "OE", "XO": "XR", "RP": "RQ"}
"""ORC-1 of the message to that of the reply (table 0119): accepted, and done as requested."""
_FAILED: Final = {"NW": "UA", "CA": "UC", "DC": "UD", "HD": "UH", "RL": "UR", "XO": "UX", "RP": "UM"}


@dataclass(frozen=True, slots=True)
class PharmacyReply:
    """Builds the reply: MSH MSA [ERR] [PID] { ORC }, segments as they came but for ORC-1 and ORC-3.

    ORC-1 says what became of each order, ORC-3 the number under which this site has it.
    """

    kind: str
    """Type of the message that is answered."""
    pid: Segment | None
    orders: tuple[Segment, ...]
    """Its ORC segments."""

    def __call__(self, situation: Situation) -> bytes:
        message_type, trigger = _REPLIES[self.kind]
        modern = at_least(situation.header.version, "2.4")
        reply = begin(situation, f"{message_type}^{trigger if modern else 'O02'}")
        if not self.orders:
            return bytes(reply)
        if self.pid is not None:
            echo(reply, self.pid)
        accepted = situation.code == "AA"
        written = [one for one in situation.resources if one["resourceType"] == _RESOURCES[self.kind]]
        writer = Writer(reply.delimiters, reply.charset.codec)
        for place, order in enumerate(self.orders):
            answer = Segment(b"ORC", reply.delimiters, reply.charset)
            control = order.text(1)
            answer.set_text(_DONE.get(control, "OK") if accepted else _FAILED.get(control, "UA"), 1)
            for field in (2, 3):
                answer.set_bytes(order.field(field) or b"", field)
            if accepted and not order.has(3) and place < len(written):
                number = numbered(written[place], "FILL") or own_number(written[place], situation.dialect)
                answer.set_bytes(writer.field(entity_ei(number)), 3)
            reply.append(bytes(answer))
        return bytes(reply)
