"""PV1 as an Encounter."""

from __future__ import annotations

from typing import Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import clinician, identifier, required, when
from mockehr.hl7.accept.intents import Context, Upsert, reference
from mockehr.hl7.accept.person import keys
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment, part
from mockehr.hl7.terms import ACT_CODE, ENCOUNTER_CLASS, LOCAL_AUTHORITY, system_of

PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_CLINICIANS: Final = ((7, "ATND"), (8, "REF"), (9, "CON"), (17, "ADM"))
_TABLES: Final = {14: ("admitSource", "0023"), 36: ("dischargeDisposition", "0112")}


def encounter(
    pv1: Segment, message: Message, context: Context, *, status: str = "", patient_key: str = "patient",
    key: str = "encounter",
) -> Upsert:  # fmt: skip
    """The Encounter that a PV1 describes, to be found by its visit number.

    `status` is what the trigger says; without one a stored status stays, and a new one follows from PV1-45. Raises
    Rejection: 101 without PV1-2 or a visit number, 103 for a patient class that table 0004 does not have.
    """
    required(pv1, 2, "patient class")
    code = ENCOUNTER_CLASS.get(pv1.text(2, 1, 1).upper())
    if code is None:
        text = f"PV1-2 is {pv1.text(2)!r}, not one of {', '.join(ENCOUNTER_CLASS)}"
        raise Rejection("AE", Fault(103, "PV1", 1, 2, text=text))
    visit = visit_number(message, pv1, context)
    if visit is None:
        field = context.dialect.visit_field
        where = Fault(101, field[:3], 1, int(field[4:]), text=f"{field} (visit number) is empty")
        raise Rejection("AE", where)
    resource: JSON = {
        "resourceType": "Encounter",
        "identifier": [visit],
        "class": {"system": ACT_CODE, "code": code},
        "subject": reference(patient_key),
    }
    if status:
        resource["status"] = status
    _period(resource, pv1, message, context)
    _place(resource, pv1)
    _people(resource, pv1)
    _stay(resource, pv1)
    defaults = {} if status else {"status": "finished" if pv1.has(45) else "in-progress"}
    return Upsert(key, resource, keys([visit]), (), defaults)


def visit_number(message: Message, pv1: Segment | None, context: Context) -> JSON | None:
    """The visit number as Identifier, from PV1-19 or PID-18 as the dialect says (the other one if that is empty)."""
    pid = message.segment("PID")
    first = (pv1, 19), (pid, 18)
    for segment, field in first if context.dialect.visit_field == "PV1-19" else first[::-1]:
        if segment is not None and segment.has(field):
            found = identifier(segment.repetitions(field)[0], context.dialect, (context.dialect.visit,))
            if found:
                return found
    return None


def _period(resource: JSON, pv1: Segment, message: Message, context: Context) -> None:
    period = {}
    start, end = when(pv1, 44, context), when(pv1, 45, context)
    status = resource.get("status")
    if not start and status == "in-progress" and message.header.kind != "ADT^A13":
        start = _event_time(message, context)
    if not end and status == "finished":
        end = _event_time(message, context)
    if start:
        period["start"] = start
    if end:
        period["end"] = end
    if period:
        resource["period"] = period


def _event_time(message: Message, context: Context) -> str:
    evn = message.segment("EVN")
    if evn is not None:
        for field in (6, 2):
            moment = when(evn, field, context)
            if moment:
                return moment
    return instant(context.at)


def _place(resource: JSON, pv1: Segment) -> None:
    if not pv1.has(3):
        return
    location = pv1.repetitions(3)[0]
    components = [part(location, number) for number in range(1, 5)]
    display = " ".join(piece for piece in components[:3] if piece)
    if not display:
        return
    value = "^".join(components).rstrip("^")
    resource["location"] = [
        {"location": {"identifier": {"system": LOCAL_AUTHORITY + "location", "value": value}, "display": display}}
    ]


def _people(resource: JSON, pv1: Segment) -> None:
    found = [
        {"type": [{"coding": [{"system": PARTICIPATION, "code": role}]}], "individual": who}
        for field, role in _CLINICIANS
        for who in map(clinician, pv1.repetitions(field)[:1])
        if who
    ]
    if found:
        resource["participant"] = found


def _stay(resource: JSON, pv1: Segment) -> None:
    if pv1.has(10):
        resource["serviceType"] = {"text": pv1.text(10, 1, 1)}
    stay = {
        element: {"coding": [{"system": system_of(f"HL7{table}"), "code": pv1.text(field, 1, 1)}]}
        for field, (element, table) in _TABLES.items()
        if pv1.has(field)
    }
    if stay:
        resource["hospitalization"] = stay
