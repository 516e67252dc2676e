"""VXU^V04: vaccinations given, told of or refused. One RXA is an Immunization (chapter 4A; CDC's guide for 2.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import clinician, concept, integer, required, when
from mockehr.hl7.accept.intents import Accepted, Context, Intent, Upsert
from mockehr.hl7.accept.person import keys
from mockehr.hl7.accept.places import place
from mockehr.hl7.accept.treatment import (
    Opening,
    Placed,
    amount,
    concepts,
    groups,
    notes,
    numbers,
    one,
    open_message,
    route,
    whole,
)
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.medication import MVX, NOTHING_GIVEN, ORIGIN, SOURCES, UNKNOWN_DOSE
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment, part
from mockehr.hl7.terms import LOCAL_AUTHORITY

DOSE_KEY: Final = LOCAL_AUTHORITY + "immunization"
"""System of the identifier of a dose that has no order number: patient, vaccine and day."""
PLACEHOLDER: Final = "9999"
"""ORC-3 where there is no number (CDC's guide: refused doses)."""
ROLE: Final = "http://terminology.hl7.org/CodeSystem/v2-0443"
ACT_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ORIGIN_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/immunization-origin"
_STATUS: Final = {"CP": "completed", "PA": "completed", "RE": "not-done", "NA": "not-done"}
_ELIGIBILITY: Final = "64994-7"
_FUNDING: Final = "30963-3"
_DOSE_NUMBER: Final = "30973-2"
_SHEET: Final = {"30956-7": "type", "69764-9": "type", "29768-9": "publicationDate", "29769-7": "presentationDate"}
"""LOINC codes of OBX-3 about the information sheet that was handed out, and what they tell of it."""


def vaccinations(message: Message, context: Context) -> Accepted:
    """VXU^V04 as Patient, Encounter (if PV1 names one) and Immunization per RXA.

    A dose is found again by ORC-3 or ORC-2, else (there was no ORC before 2.5) by patient, vaccine and day. Raises
    Rejection: 100 without PID or RXA, 101 without RXA-3 or RXA-5, 102 for what is no time or number, 103 for a
    completion status that table 0322 does not have.
    """
    opening = open_message(message, context)
    found: list[Intent] = []
    for group in groups(message, "RXA"):
        head = one(group, "RXA")
        if head is not None:
            found.append(_immunization(group, head, context, opening))
    return Accepted((*opening.intents, *found), message.header.kind, "Immunization")


def _immunization(group: Sequence[Placed], head: Placed, context: Context, opening: Opening) -> Upsert:
    rxa, sequence = head
    required(rxa, 3, "date of administration", sequence=sequence)
    required(rxa, 5, "administered code", sequence=sequence)
    dose: JSON = {"resourceType": "Immunization", "status": _status(rxa, sequence)}
    dose["vaccineCode"] = whole(rxa, 5) or {}
    opening.join(dose, subject="patient")
    dose["occurrenceDateTime"] = when(rxa, 3, context, sequence=sequence)
    recorded = when(rxa, 22, context, sequence=sequence)
    if recorded:
        dose["recorded"] = recorded
    remarks = _source(dose, rxa)
    _reasons(dose, rxa)
    _product(dose, rxa, sequence, context)
    orc = one(group, "ORC")
    _people(dose, rxa, orc[0] if orc else None)
    told, site, _ = route(one(group, "RXR"))
    dose |= {name: value for name, value in (("route", told), ("site", site)) if value}
    remarks += _observations(dose, group, context)
    annotations = notes(group, *remarks)
    if annotations:
        dose["note"] = annotations
    dose["identifier"] = _numbers(orc, dose, opening)
    return Upsert(f"immunization-{sequence}", dose, keys(dose["identifier"]))


def _status(rxa: Segment, sequence: int) -> str:
    if rxa.text(21) == "D":
        return "entered-in-error"
    said = rxa.text(20).upper() if rxa.has(20) else ""
    if not said:
        return "not-done" if rxa.text(5, 1, 1) == NOTHING_GIVEN else "completed"
    if said not in _STATUS:
        text = f"RXA-20 is {said!r}, not one of {', '.join(_STATUS)}"
        raise Rejection("AE", Fault(103, "RXA", sequence, 20, text=text))
    return _STATUS[said]


def _numbers(orc: Placed | None, dose: JSON, opening: Opening) -> list[JSON]:
    """The numbers of ORC, the filler's first; else one that the same dose would have again."""
    told = [found for found in numbers(orc[0] if orc else None) if found["value"] != PLACEHOLDER]
    if told:
        return told[::-1]
    patient = opening.intents[0]
    owner = patient.match[0].value if isinstance(patient, Upsert) else ""
    codings = dose["vaccineCode"].get("coding", [])
    vaccine = codings[0]["code"] if codings else dose["vaccineCode"].get("text", "")
    return [{"system": DOSE_KEY, "value": f"{owner}:{vaccine}:{dose['occurrenceDateTime'][:10]}"}]


def _source(dose: JSON, rxa: Segment) -> list[str]:
    """RXA-9: whether it was given here or is told of, and by whom; returns what else the field says."""
    remarks = []
    for item in rxa.repetitions(9):
        code, text = part(item, 1), part(item, 2)
        if code in SOURCES or code in ORIGIN:
            dose["primarySource"] = code == "00"
            if code in ORIGIN:
                dose["reportOrigin"] = {"coding": [{"system": ORIGIN_SYSTEM, "code": ORIGIN[code]}]}
                if text:
                    dose["reportOrigin"]["text"] = text
        elif text or code:
            remarks.append(text or code)
    return remarks


def _reasons(dose: JSON, rxa: Segment) -> None:
    """RXA-18, or that the patient refused; of a dose given in part that it is not enough."""
    reason = whole(rxa, 18)
    said = rxa.text(20).upper()
    if dose["status"] == "not-done" and reason is None and said == "RE":
        reason = {"coding": [{"system": ACT_REASON, "code": "PATOBJ", "display": "patient objection"}]}
    if reason and dose["status"] != "completed":
        dose["statusReason"] = reason
    if said == "PA":
        dose["isSubpotent"] = True
        dose["subpotentReason"] = [reason or {"text": "Partially administered"}]


def _product(dose: JSON, rxa: Segment, sequence: int, context: Context) -> None:
    given = amount(rxa, 6, 7, sequence) if rxa.text(6, 1, 1) not in UNKNOWN_DOSE else None
    if given:
        dose["doseQuantity"] = given
    if rxa.has(15):
        dose["lotNumber"] = rxa.text(15, 1, 1)
    expires = when(rxa, 16, context, sequence=sequence)
    if expires:
        dose["expirationDate"] = expires[:10]
    maker = concept(rxa.repetitions(17)[0]) if rxa.has(17) else None
    if maker:
        codings = maker.get("coding", [])
        who: JSON = {"type": "Organization"}
        if codings:
            who["identifier"] = {"system": codings[0].get("system") or MVX, "value": codings[0]["code"]}
        dose["manufacturer"] = {**who, "display": maker.get("text") or codings[0]["code"]}


def _people(dose: JSON, rxa: Segment, orc: Segment | None) -> None:
    performers = [
        {"function": {"coding": [{"system": ROLE, "code": role}]}, "actor": who}
        for segment, field, role in ((rxa, 10, "AP"), (orc, 12, "OP"))
        if segment is not None
        for item in segment.repetitions(field)
        if (who := clinician(item))
    ]
    if performers:
        dose["performer"] = performers
    for field in (27, 11):
        item = rxa.repetitions(field)[0] if rxa.has(field) else []
        # LA2 has the facility in its fourth component, and most fill nothing else.
        found = place(item) or _facility(part(item, 4))
        if found:
            dose["location"] = found
            return


def _facility(name: str) -> JSON | None:
    if not name:
        return None
    number = {"system": LOCAL_AUTHORITY + "facility", "value": name}
    return {"type": "Location", "identifier": number, "display": name}


def _observations(dose: JSON, group: Sequence[Placed], context: Context) -> list[str]:
    """OBX about funding, series and information sheets; returns all others in words."""
    sheets: dict[str, JSON] = {}
    remarks = []
    for obx, sequence in group:
        if obx.id != "OBX" or not (obx.has(3) and obx.has(5)):
            continue
        code = obx.text(3, 1, 1)
        told = concepts(obx, 5)
        words = (told[0].get("text") or told[0]["coding"][0]["code"]) if told else obx.text(5)
        if code == _ELIGIBILITY and told:
            dose.setdefault("programEligibility", []).append(told[0])
        elif code == _FUNDING and told:
            dose["fundingSource"] = told[0]
        elif code == _DOSE_NUMBER and (count := integer(obx.text(5))):
            dose["protocolApplied"] = [{"doseNumberPositiveInt": count}]
        elif code in _SHEET:
            sheet = sheets.setdefault(obx.text(4), {})
            if _SHEET[code] == "type":
                sheet["documentType"] = words
            else:
                sheet[_SHEET[code]] = when(obx, 5, context, sequence=sequence)
        else:
            remarks.append(f"{obx.text(3, 1, 2) or code}: {words}")
    # R4 wants a document type or reference beside the dates (imm-1).
    education = [sheet for sheet in sheets.values() if "documentType" in sheet]
    if education:
        dose["education"] = education
    return remarks


ACCEPTS: Final = {"VXU^V04": vaccinations}
"""Message type and trigger to what it means."""
