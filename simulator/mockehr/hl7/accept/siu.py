"""SIU: notifications of appointments (HL7 v2 chapter 10) as Appointment, its patient and whom it needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import clinician, concept, entity
from mockehr.hl7.accept.intents import Accepted, Context, Intent, Key, Known, Upsert, reference
from mockehr.hl7.accept.person import keys, patient
from mockehr.hl7.accept.places import place
from mockehr.hl7.accept.timing import RESOURCE_TIMES, resource_span, span_of
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.hl7.scheduling import APPOINTMENT_STATUS, REASONLESS, TRIGGER_STATUS
from mockehr.hl7.segment import Segment

_TYPES: Final = "http://terminology.hl7.org/CodeSystem/v2-0277"
_NEEDS_TIME: Final = frozenset({"S12", "S13"})
_CANCELLING: Final = frozenset({"S15", "S16"})
_REASONED: Final = frozenset({"cancelled", "noshow"})


def appointment(message: Message, context: Context) -> Accepted:
    """SIU as Patient and Appointment, found again by SCH-2 (filler) or SCH-1 (placer).

    The trigger says what became of it, or SCH-25 where the trigger does not end it. An appointment that is not known
    is made, with a warning, whatever the trigger. Raises Rejection: 100 without SCH or PID, 101 without any number
    or without any time where one is needed, 102 for what is no time; 204 for what is unknown and has no time.
    """
    trigger = message.header.kind.partition("^")[2]
    sch, pid = segment_of(message, "SCH"), segment_of(message, "PID")
    upsert = appointment_of(sch, message, context, trigger)
    intents: list[Intent] = [patient(pid, context)]
    if trigger != "S12":
        intents.append(_known(sch, upsert.match, "start" in upsert.resource or trigger in _CANCELLING))
    return Accepted((*intents, upsert), message.header.kind, "Appointment")


def appointment_of(head: Segment, message: Message, context: Context, trigger: str) -> Upsert:
    """The Appointment that SCH, or ARQ in a request, and the resource segments tell of, as the SIU trigger has it.

    Raises Rejection as `appointment` does.
    """
    identifiers = numbers(head)
    span = span_of(head, message, context)
    if trigger in _NEEDS_TIME and not span.start:
        text = f"Neither {head.id}-11 nor TQ1-7 nor any resource segment says when the appointment is"
        raise Rejection("AE", Fault(101, head.id, 1, 11, text=text))
    status = status_of(head, trigger)
    resource: JSON = {"resourceType": "Appointment", "identifier": identifiers, **span.elements}
    if status:
        resource["status"] = status
    _reasons(resource, head, message, status)
    defaults: JSON = {"status": "booked", "created": instant(context.at)}
    _join(resource, defaults, message, context, span.start)
    cleared = () if not status or status in _REASONED else ("cancelationReason",)
    return Upsert("appointment", resource, keys(identifiers), cleared, defaults)


def slots(message: Message, context: Context) -> Accepted:
    """S23 and S24: time of a schedule is blocked or opened again, which is nobody's appointment. Taken note of."""
    segment_of(message, "SCH")
    return Accepted((), message.header.kind)


def numbers(head: Segment) -> list[JSON]:
    """The filler's and the placer's number; one alone if both are the same. Raises Rejection (101) without any."""
    found = [
        number
        for field, kind in ((2, "FILL"), (1, "PLAC"))
        if head.has(field) and (number := entity(head.repetitions(field)[0], kind))
    ]
    if not found:
        text = f"Neither {head.id}-1 nor {head.id}-2 has a number for the appointment"
        raise Rejection("AE", Fault(101, head.id, 1, 2, text=text))
    if len(found) == 2 and keys(found[:1]) == keys(found[1:]):
        return found[:1]
    return found


def status_of(sch: Segment, trigger: str) -> str:
    """The appointment's status; empty to leave it. Words of SCH-25 that no table has are left unsaid."""
    ended = TRIGGER_STATUS.get(trigger, "")
    if ended not in ("", "booked") or sch.id != "SCH":
        return ended
    for component in (1, 2):
        said = "".join(filter(str.isalpha, sch.text(25, 1, component))).upper()
        if said in APPOINTMENT_STATUS:
            return APPOINTMENT_STATUS[said]
    return ended


def _known(sch: Segment, match: tuple[Key, ...], makes: bool) -> Known:
    text = "No appointment has this number" + ("; it has been made now" if makes else ", and no time is given")
    fault = Fault(204, "SCH", 1, 2 if sch.has(2) else 1, text=text, severity="W" if makes else "E")
    return Known("Appointment", match, fault)


def _reasons(resource: JSON, sch: Segment, message: Message, status: str) -> None:
    reason = concept(sch.repetitions(7)[0]) if sch.has(7) else None
    kind = concept(sch.repetitions(8)[0]) if sch.has(8) else None
    if reason and any(coding.get("system") == _TYPES for coding in reason.get("coding", [])):
        # Table 0277 is that of the appointment's type, which some write into the field before (v2-to-FHIR, SCH-7).
        kind, reason = kind or reason, None
    if reason:
        resource["reasonCode"] = [reason]
    if kind:
        resource["appointmentType"] = kind
    told = concept(sch.repetitions(6)[0]) if sch.has(6) else None
    if told and status in _REASONED and sch.text(6, 1, 1) not in REASONLESS:
        resource["cancelationReason"] = told
    comment = "\n".join(_leading_notes(message))
    if comment:
        resource["comment"] = comment
    orders = [
        {"type": "ServiceRequest", "identifier": number}
        for field, kind_ in (((26, "PLAC"), (27, "FILL")) if sch.id == "SCH" else ((24, "PLAC"), (25, "FILL")))
        for item in sch.repetitions(field)[:1]
        if (number := entity(item, kind_))
    ]
    if orders:
        resource["basedOn"] = orders[:1]


def _leading_notes(message: Message) -> Iterable[str]:
    """The notes on the appointment as a whole: those before any patient or resource."""
    for segment in message.segments:
        if segment.id in ("PID", "RGS", *RESOURCE_TIMES):
            return
        if segment.id == "NTE":
            yield from segment.texts(3)


def _join(resource: JSON, defaults: JSON, message: Message, context: Context, start: str) -> None:
    """Who and what takes part. A message that names no resources leaves those of a known appointment."""
    participants: list[JSON] = [{"actor": reference("patient"), "required": "required", "status": "accepted"}]
    services: list[JSON] = []
    told = [segment for segment in message.segments if segment.id in RESOURCE_TIMES]
    for segment in told:
        if segment.text(2) == "D":
            continue
        if segment.id == "AIS":
            services += [found for item in segment.repetitions(3)[:1] if (found := concept(item))]
            continue
        for actor in _actors(segment):
            participants.append(_participant(actor, segment, context, start))
    (resource if told else defaults)["participant"] = participants
    if services:
        resource["serviceType"] = services


def _actors(segment: Segment) -> list[JSON]:
    if segment.id == "AIP":
        return [found for item in segment.repetitions(3) if (found := clinician(item))]
    if segment.id == "AIL":
        return [found for item in segment.repetitions(3) if (found := place(item))]
    said = concept(segment.repetitions(3)[0]) if segment.has(3) else None
    if not said:
        return []
    codes = [{"value": coding["code"]} for coding in said.get("coding", [])[:1]]
    return [{**({"identifier": codes[0]} if codes else {}), "display": said.get("text") or codes[0]["value"]}]


def _participant(actor: JSON, segment: Segment, context: Context, start: str) -> JSON:
    found: JSON = {"actor": actor, "required": "required", "status": "accepted"}
    role = concept(segment.repetitions(4)[0]) if segment.id != "AIL" and segment.has(4) else None
    if role:
        found["type"] = [role]
    used = resource_span(segment, context, start)
    if used.start and used.start != start:
        found["period"] = {"start": used.start, **({"end": used.end} if used.minutes else {})}
    return found


def segment_of(message: Message, segment_id: str) -> Segment:
    """The first segment of that id; raises Rejection (100) if there is none."""
    found = message.segment(segment_id)
    if found is None:
        text = f"{message.header.kind} needs a {segment_id} segment"
        raise Rejection("AE", Fault(100, segment_id, 1, text=text))
    return found


_TRIGGERS: Final = ("S12", "S13", "S14", "S15", "S16", "S17", "S18", "S19", "S20", "S21", "S22", "S26")
ACCEPTS: Final = {**{f"SIU^{trigger}": appointment for trigger in _TRIGGERS}, "SIU^S23": slots, "SIU^S24": slots}
"""Message type and trigger to what it means."""
