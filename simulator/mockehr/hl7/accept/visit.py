"""PV1 (with PV2) as an Encounter."""

from __future__ import annotations

from typing import Any, Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import clinician, concept, identifier, required, when
from mockehr.hl7.accept.intents import Context, Key, Upsert, reference
from mockehr.hl7.accept.person import keys
from mockehr.hl7.accept.places import place
from mockehr.hl7.accept.stays import Revision
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Repetition, Segment
from mockehr.hl7.terms import (
    ACT_CODE,
    ADMISSION_TYPE,
    CLASS_WORDS,
    ENCOUNTER_CLASS,
    IDENTIFIER_TYPE,
    NPI,
    PRIORITY,
    system_of,
)

PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
EXPECTED: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Encounter.planned"
"""With `StartDate` and `EndDate`, the elements of R5 that PV2-8 and PV2-9 are."""
_CLINICIANS: Final = ((7, "ATND"), (8, "REF"), (9, "CON"), (17, "ADM"))
_TABLES: Final = {14: ("admitSource", "0023"), 36: ("dischargeDisposition", "0112"), 13: ("reAdmission", "0092")}
_PENDING: Final = ("ADT^A05", "ADT^A14", "ADT^A15")


def encounter(
    pv1: Segment, message: Message, context: Context, *, status: str = "", patient_key: str = "patient",
    key: str = "encounter", former: tuple[Key, ...] = (), pv2: Segment | None = None, quiet: bool = False,
) -> Upsert:  # fmt: skip
    """The Encounter that a PV1 describes, to be found by its visit number, or by a `former` one.

    `status` is what the trigger says; without one a stored status stays, and a new one follows from PV1-45. Raises
    Rejection: 101 without PV1-2 or a visit number; 103 in a strict context for a patient class that table 0004 does
    not have, which otherwise is read as an outpatient's where nothing better is known.
    """
    required(pv1, 2, "patient class")
    visit = needed_number(message, pv1, context)
    resource: JSON = {"resourceType": "Encounter", "identifier": [visit], "subject": reference(patient_key)}
    letter = CLASS_WORDS.get(pv1.text(2, 1, 1).upper(), pv1.text(2, 1, 1).upper())
    known = {"class": {"system": ACT_CODE, "code": ENCOUNTER_CLASS.get(letter, "AMB")}}
    defaults: JSON = {} if status else {"status": _status(pv1, letter)}
    warnings: tuple[Fault, ...] = ()
    if letter in ENCOUNTER_CLASS:
        resource |= known
    else:
        text = f"PV1-2 is {pv1.text(2)!r}, not one of {', '.join(ENCOUNTER_CLASS)}"
        if context.strict:
            raise Rejection("AE", Fault(103, "PV1", 1, 2, text=text))
        defaults |= known
        warnings = (Fault(103, "PV1", 1, 2, text=f"{text}; taken for an outpatient's", severity="W"),)
    if status:
        resource["status"] = status
    _period(resource, pv1, message, context)
    arriving = _place(resource, pv1, message.header.kind)
    _people(resource, pv1)
    _stay(resource, pv1)
    _account(resource, message, visit, context)
    _expectations(resource, pv2, context)
    revise = Revision(message.header.kind, event_time(message, context), arriving, not pv1.has(44))
    match = keys([visit]) + former
    return Upsert(key, resource, match, (), defaults, revise=revise, quiet=quiet, warnings=warnings)


def needed_number(message: Message, pv1: Segment | None, context: Context) -> JSON:
    """The visit number; raises Rejection (101) if there is none."""
    visit = visit_number(message, pv1, context)
    if visit is None:
        field = context.dialect.visit_field
        raise Rejection("AE", Fault(101, field[:3], 1, int(field[4:]), text=f"{field} (visit number) is empty"))
    return visit


def visit_number(message: Message, pv1: Segment | None, context: Context) -> JSON | None:
    """The visit number as Identifier, from PV1-19 or PID-18 as the dialect says (the other one if that is empty)."""
    pid = _pid_before(message, pv1)
    first = (pv1, 19), (pid, 18)
    for segment, field in first if context.dialect.visit_field == "PV1-19" else first[::-1]:
        if segment is not None and segment.has(field):
            found = identifier(segment.repetitions(field)[0], context.dialect, (context.dialect.visit,))
            if found:
                return found
    return None


def event_time(message: Message, context: Context) -> str:
    """When it happened: EVN-6, else EVN-2, else now."""
    evn = message.segment("EVN")
    if evn is not None:
        for field in (6, 2):
            moment = when(evn, field, context)
            if moment:
                return moment
    return instant(context.at)


def _pid_before(message: Message, pv1: Segment | None) -> Segment | None:
    """The PID that a PV1 belongs to: the last one before it, where there are several (A17)."""
    found = None
    for segment in message.segments:
        if segment is pv1:
            break
        found = segment if segment.id == "PID" else found
    return found or message.segment("PID")


def _status(pv1: Segment, letter: str) -> str:
    if pv1.has(45):
        return "finished"
    return "planned" if letter == "P" else "in-progress"


def _period(resource: JSON, pv1: Segment, message: Message, context: Context) -> None:
    period: dict[str, Any] = {}
    start, end = when(pv1, 44, context), when(pv1, 45, context)
    status = resource.get("status")
    if not start and message.header.kind in ("ADT^A01", "ADT^A04"):
        start = event_time(message, context)
    if not end and status == "finished":
        end = event_time(message, context)
    if start:
        period["start"] = start
    if end or pv1.is_null(45):
        period["end"] = end or None
    if period:
        resource["period"] = period


def _place(resource: JSON, pv1: Segment, kind: str) -> bool:
    """Set the place told; True if it is a temporary one or one that comes later (PV1-42, PV1-11)."""
    if pv1.is_null(3):
        resource["location"] = None
        return False
    fields = {"ADT^A09": (11, 42), "ADT^A10": (11, 3)}.get(kind, (42, 3) if kind in _PENDING else (3,))
    for field in fields:
        found = place(pv1.repetitions(field)[0]) if pv1.has(field) else None
        if found:
            resource["location"] = [{"location": found}]
            return field == 42 or kind == "ADT^A09"
    return False


def _people(resource: JSON, pv1: Segment) -> None:
    found: list[JSON] = []
    for field, role in _CLINICIANS:
        kind = [{"coding": [{"system": PARTICIPATION, "code": role}]}]
        who = _best(pv1.repetitions(field))
        if who:
            found.append({"type": kind, "individual": who})
        elif pv1.is_null(field):
            found.append({"type": kind})
    if found:
        resource["participant"] = found


def _best(repetitions: list[Repetition]) -> JSON | None:
    """One clinician whom several repetitions may name by several numbers: the one with an NPI, else the first."""
    found = [who for who in map(clinician, repetitions) if who]
    national = [who for who in found if who.get("identifier", {}).get("system") == NPI]
    return next(iter(national + found), None)


def _stay(resource: JSON, pv1: Segment) -> None:
    if pv1.has(10):
        resource["serviceType"] = {"text": pv1.text(10, 1, 1)}
    if pv1.has(4) and pv1.text(4, 1, 1).upper() in ADMISSION_TYPE:
        code = ADMISSION_TYPE[pv1.text(4, 1, 1).upper()]
        resource["priority"] = {"coding": [{"system": PRIORITY, "code": code}]}
    stay: dict[str, Any] = {
        element: {"coding": [{"system": system_of(f"HL7{table}"), "code": pv1.text(field, 1, 1)}]}
        for field, (element, table) in _TABLES.items()
        if pv1.has(field)
    }
    stay |= {element: None for field, (element, _) in _TABLES.items() if pv1.is_null(field)}
    if pv1.has(37) and pv1.text(37, 1, 1):
        stay["destination"] = {"display": pv1.text(37, 1, 1)}
    if stay:
        resource["hospitalization"] = stay


def _account(resource: JSON, message: Message, visit: JSON, context: Context) -> None:
    """PID-18 as the account, where it is not the visit number."""
    pid = message.segment("PID")
    if pid is None or not pid.has(18):
        return
    found = identifier(pid.repetitions(18)[0], context.dialect)
    if found and found["value"] != visit["value"]:
        found.setdefault("type", {"coding": [{"system": IDENTIFIER_TYPE, "code": "AN"}]})
        resource["account"] = [{"type": "Account", "identifier": found}]


def _expectations(resource: JSON, pv2: Segment | None, context: Context) -> None:
    """PV2: why (3), and when admission (8) and discharge (9) are expected."""
    if pv2 is None:
        return
    reason = concept(pv2.repetitions(3)[0]) if pv2.has(3) else None
    if reason:
        resource["reasonCode"] = [reason]
    elif pv2.is_null(3):
        resource["reasonCode"] = None
    extensions: list[JSON] = []
    for field, name in ((8, "StartDate"), (9, "EndDate")):
        moment = when(pv2, field, context)
        if moment:
            extensions.append({"url": EXPECTED + name, "valueDateTime": moment})
        elif pv2.is_null(field):
            extensions.append({"url": EXPECTED + name})
    if extensions:
        resource["extension"] = extensions
