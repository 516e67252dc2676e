"""ADT: what one person's or visit's message means: admissions, transfers, discharges, updates (HL7 v2 chapter 3).

Which segments a message has is not looked at closely: what is there is taken, in any order, and what is unknown is
ignored. A visit that nobody told of before is made by whichever message comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.allergies import allergies
from mockehr.hl7.accept.coverage import coverages
from mockehr.hl7.accept.fields import required
from mockehr.hl7.accept.findings import diagnoses, procedures, signs
from mockehr.hl7.accept.intents import Accepted, Context, Intent, Key, Upsert
from mockehr.hl7.accept.kin import contacts, kin
from mockehr.hl7.accept.person import cx_keys, patient
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
        pid = needed_segment(message, "PID")
        if self.name:
            required(pid, 5, "patient name")
        person = person_of(message, pid, context)
        pv1 = message.segment("PV1")
        if self.visit and pv1 is None:
            raise Rejection("AE", Fault(100, "PV1", 1, text=f"{message.header.kind} needs a PV1 segment"))
        intents: list[Intent] = [person]
        key = ""
        # A28, A31 and many A08 carry a pseudo visit (class N, or a bare segment), which is no visit.
        if pv1 is not None and (self.visit or (pv1.text(2) not in ("", '""', "N") and pv1.has(19))):
            former = _former(message, context)
            stay = encounter(
                pv1, message, context, status=self.status, former=former, pv2=message.segment("PV2")
            )  # fmt: skip
            key = stay.key
            listed, uses = diagnoses(message, context, key)
            if listed is not None:
                intents.append(listed)
                stay.resource["diagnosis"] = uses or None
            intents.append(stay)
        intents += [*kin(message, context), *allergies(message, context), *coverages(message, context)]
        measured, unread = signs(message, context, key)
        intents += [*(procedures(message, context, key) if key else ()), *measured]
        subject = "Encounter" if key else "Patient"
        return Accepted(tuple(intents), message.header.kind, subject, warnings=unread)


def person_of(
    message: Message, pid: Segment, context: Context, key: str = "patient", *, sequence: int = 1,
    within: tuple[Key, ...] = (), quiet: bool = False,
) -> Upsert:  # fmt: skip
    """The Patient of a PID with the PD1 that follows it, and the contacts of all NK1 if there is but one PID."""
    pd1 = following(message, pid, "PD1")
    found = patient(pid, context, key, sequence=sequence, pd1=pd1, within=within, quiet=quiet)
    named: list[JSON] | None = contacts(message, context) if len(message.all("PID")) == 1 else None
    if named is not None:
        found.resource["contact"] = named or None
    return found


def following(message: Message, pid: Segment, segment_id: str) -> Segment | None:
    """The first segment of that id between a PID and the next one."""
    begun = False
    for segment in message.segments:
        if segment is pid:
            begun = True
        elif begun and segment.id == segment_id:
            return segment
        elif begun and segment.id == "PID":
            return None
    return None


def needed_segment(message: Message, segment_id: str) -> Segment:
    """The first segment of that id; raises Rejection (100) if there is none."""
    found = message.segment(segment_id)
    if found is None:
        text = f"{message.header.kind} needs a {segment_id} segment"
        raise Rejection("AE", Fault(100, segment_id, 1, text=text))
    return found


def _former(message: Message, context: Context) -> tuple[Key, ...]:
    """The visit's number before this message, where MRG tells it (A06, A07): MRG-5, else the account in MRG-3."""
    mrg = message.segment("MRG")
    if mrg is None:
        return ()
    found = []
    for field in (5, 3):
        if mrg.has(field):
            # It may be written as a visit number or as an account; either way it was the visit's.
            found += [key for rules in ((context.dialect.visit,), ()) for key in cx_keys(mrg, field, context, rules)]
    return tuple(dict.fromkeys(found))


ACCEPTS: Final = {
    "ADT^A01": Movement("in-progress", name=True),
    "ADT^A02": Movement("in-progress"),
    "ADT^A03": Movement("finished"),
    "ADT^A04": Movement("in-progress", name=True),
    "ADT^A05": Movement("planned", name=True),
    "ADT^A06": Movement("in-progress"),
    "ADT^A07": Movement("in-progress"),
    "ADT^A08": Movement(visit=False),
    "ADT^A09": Movement(),
    "ADT^A10": Movement("in-progress"),
    "ADT^A11": Movement("cancelled"),
    "ADT^A12": Movement("in-progress"),
    "ADT^A13": Movement("in-progress"),
    "ADT^A14": Movement("planned"),
    "ADT^A21": Movement("onleave"),
    "ADT^A22": Movement("in-progress"),
    "ADT^A27": Movement("cancelled"),
    "ADT^A28": Movement(visit=False, name=True),
    "ADT^A31": Movement(visit=False),
    "ADT^A38": Movement("cancelled"),
}
"""Message type and trigger to what it means."""
