"""ADT: admissions, transfers, discharges, updates and merges (HL7 v2 chapter 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.hl7.accept.fields import identifier, required
from mockehr.hl7.accept.intents import Accepted, Context, Intent, Merge, Upsert
from mockehr.hl7.accept.person import keys, patient
from mockehr.hl7.accept.visit import encounter
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment


@dataclass(frozen=True, slots=True)
class Movement:
    """What one trigger means: the visit's new status, whether it needs a visit and a name.

    Called with a message and a context it gives the intents for the patient and, if there is one, the visit.
    """

    status: str = ""
    visit: bool = True
    name: bool = False

    def __call__(self, message: Message, context: Context) -> Accepted:
        pid = _segment(message, "PID")
        if self.name:
            required(pid, 5, "patient name")
        intents: list[Intent] = [patient(pid, context)]
        pv1 = message.segment("PV1")
        if self.visit and pv1 is None:
            raise Rejection("AE", Fault(100, "PV1", 1, text=f"{message.header.kind} needs a PV1 segment"))
        # A28, A31 and many A08 carry a pseudo visit (class N, or a bare segment), which is no visit.
        if pv1 is not None and (self.visit or (pv1.text(2) not in ("", '""', "N") and pv1.has(19))):
            intents.append(encounter(pv1, message, context, status=self.status))
        subject = intents[-1].resource_type if isinstance(intents[-1], Upsert) else ""
        return Accepted(tuple(intents), message.header.kind, subject)


def merge(message: Message, context: Context) -> Accepted:
    """A40 and A34: each PID is what survives, the MRG after it what it replaces."""
    intents: list[Intent] = []
    pid: Segment | None = None
    seen = {"PID": 0, "MRG": 0}
    for segment in message.segments:
        if segment.id not in seen:
            continue
        seen[segment.id] += 1
        if segment.id == "PID":
            pid = segment
            continue
        if pid is None:
            raise Rejection("AE", Fault(100, "MRG", seen["MRG"], text="MRG stands before any PID"))
        required(segment, 1, "prior patient identifier list", sequence=seen["MRG"])
        survivor = patient(pid, context, f"patient-{seen['PID']}", sequence=seen["PID"])
        prior = [found for found in (identifier(item, context.dialect) for item in segment.repetitions(1)) if found]
        loser = keys(prior)
        if set(loser) & set(survivor.match):
            text = "MRG-1 names the very patient that shall survive"
            raise Rejection("AE", Fault(205, "MRG", seen["MRG"], 1, text=text))
        intents += [survivor, Merge(survivor.match, loser)]
    if not intents:
        missing = "MRG" if seen["PID"] else "PID"
        raise Rejection("AE", Fault(100, missing, 1, text=f"{message.header.kind} needs PID and MRG"))
    return Accepted(tuple(intents), message.header.kind, "Patient")


def _segment(message: Message, segment_id: str) -> Segment:
    found = message.segment(segment_id)
    if found is None:
        text = f"{message.header.kind} needs a {segment_id} segment"
        raise Rejection("AE", Fault(100, segment_id, 1, text=text))
    return found


ACCEPTS: Final = {
    "ADT^A01": Movement("in-progress", name=True),
    "ADT^A02": Movement("in-progress"),
    "ADT^A03": Movement("finished"),
    "ADT^A04": Movement("in-progress", name=True),
    "ADT^A05": Movement("planned", name=True),
    "ADT^A08": Movement(visit=False),
    "ADT^A11": Movement("cancelled"),
    "ADT^A13": Movement("in-progress"),
    "ADT^A28": Movement(visit=False, name=True),
    "ADT^A31": Movement(visit=False),
    "ADT^A34": merge,
    "ADT^A40": merge,
}
"""Message type and trigger to what it means."""
