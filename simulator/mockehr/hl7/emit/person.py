"""PID and PD1 from a Patient, PV1, PV2 and MRG from an Encounter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import (
    address_xad,
    clinician_xcn,
    concept_cwe,
    identifier_cx,
    matches,
    name_xpn,
    patient_identifiers,
    telecom_xtn,
)
from mockehr.hl7.emit.outline import Outline, referred
from mockehr.hl7.emit.own_pid import own_fields
from mockehr.hl7.emit.places import place_pl
from mockehr.hl7.terms import (
    ADMISSION_PRIORITY,
    ADMIT_SOURCES,
    DISPOSITIONS,
    ETHNICITY,
    MARITAL_STATUS,
    PATIENT_CLASS,
    RACE,
    SEX,
)
from mockehr.hl7.write import Component, Field, Repeat

_ROLES: Final = {"ATND": 7, "REF": 8, "CON": 9, "ADM": 17, "PPRF": 7, "PART": 7}
_VAGUE: Final = ("PPRF", "PART")
"""Roles that stand for the attending clinician where nobody is called so."""
MAIDEN_NAME: Final = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName"
EXPECTED: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Encounter.planned"
"""With `StartDate` and `EndDate`, what PV2-8 and PV2-9 say."""


def add_patient(outline: Outline, patient: JSON, encounter: JSON | None = None) -> None:
    """Add PID; the visit number goes to PID-18 if the dialect puts it there."""
    dialect = outline.dialect
    points = patient.get("telecom", [])
    home = [telecom_xtn(point, dialect) for point in points if point.get("use") != "work" and point.get("value")]
    work = [telecom_xtn(point, dialect) for point in points if point.get("use") == "work" and point.get("value")]
    fields: dict[int, Field] = {
        1: "1",
        3: Repeat(patient_identifiers(patient.get("identifier", []), dialect) or [_own_id(patient, dialect)]),
        5: Repeat(name_xpn(name, dialect) for name in patient.get("name", [])),
        6: [_extension(patient, MAIDEN_NAME).get("valueString", "")],
        7: outline.time(patient.get("birthDate", "")),
        8: SEX.get(patient.get("gender", ""), ""),
        10: _categories(patient, RACE, dialect),
        11: Repeat(address_xad(address, dialect) for address in patient.get("address", [])),
        13: Repeat(home),
        14: Repeat(work),
        15: _language(patient),
        16: _marital(patient),
        22: _categories(patient, ETHNICITY, dialect),
        24: _one_of_several(patient),
        25: str(patient.get("multipleBirthInteger", "")),
        29: outline.time(patient.get("deceasedDateTime", "")),
        30: _dead(patient),
    }
    if dialect.account_is_visit and encounter is not None:
        fields[18] = visit_cx(encounter, dialect)
    elif encounter is not None:
        accounts = [one.get("identifier") for one in encounter.get("account", []) if one.get("identifier")]
        fields[18] = identifier_cx(accounts[-1], None, "AN") if accounts else ""
    outline.add("PID", fields | own_fields(patient, dialect))


def add_practice(outline: Outline, patient: JSON, resources: Sequence[JSON]) -> None:
    """Add PD1 with the general practitioner and the practice, if the patient has any."""
    doctors: list[list[Component]] = []
    practices: list[list[Component]] = []
    for one in patient.get("generalPractitioner", []):
        found = referred(resources, one)
        kind = one.get("type") or one.get("reference", "").rpartition("/")[0].rpartition("/")[2]
        if kind == "Organization":
            practices.append([str((found or {}).get("name") or one.get("display", ""))])
        elif found is None or found["resourceType"] == "Practitioner":
            doctors.append(clinician_xcn(one, found))
    if any(doctors) or any(any(one) for one in practices):
        outline.add("PD1", {3: Repeat(one for one in practices if any(one)), 4: Repeat(filter(None, doctors))})


def add_visit(outline: Outline, encounter: JSON, resources: Sequence[JSON]) -> None:
    """Add PV1. Participants are looked up among the resources, else taken from their references."""
    stay = encounter.get("hospitalization", {})
    period = encounter.get("period", {})
    here, left, to_come = _whereabouts(encounter, outline.event.trigger)
    fields: dict[int, Field] = {
        1: "1",
        2: _class(encounter, outline.dialect),
        3: _place(here, resources),
        4: ADMISSION_PRIORITY.get(_code(encounter.get("priority")), ""),
        6: _place(left, resources),
        10: _service(encounter),
        13: _code(stay.get("reAdmission")),
        14: _code(stay.get("admitSource")) or _by_name(stay.get("admitSource"), ADMIT_SOURCES),
        19: visit_cx(encounter, outline.dialect),
        36: _code(stay.get("dischargeDisposition")) or _by_name(stay.get("dischargeDisposition"), DISPOSITIONS),
        42: _place(to_come, resources),
        44: outline.time(period.get("start", "")),
        45: outline.time(period.get("end", "")),
    }
    people = [(role, one.get("individual")) for one in encounter.get("participant", []) for role in _roles(one)]
    for role, who in sorted(people, key=lambda one: one[0] in _VAGUE):
        if role in _ROLES and _ROLES[role] not in fields:
            fields[_ROLES[role]] = clinician_xcn(who, referred(resources, who))
    outline.add("PV1", fields)


def _class(encounter: JSON, dialect: Dialect) -> str:
    """PV1-2: by v3-ActCode, or by the site's own code where its dialect knows that one."""
    code = encounter.get("class", {}).get("code", "")
    return PATIENT_CLASS.get(code) or dialect.patient_classes.get(code, "O")


def _by_name(concept: JSON | None, names: Mapping[str, str]) -> str:
    """The code of a concept that is only told in words."""
    return names.get(str((concept or {}).get("text", "")).lower(), "")


def _roles(participant: JSON) -> list[str]:
    codes = [coding.get("code", "") for kind in participant.get("type", []) for coding in kind.get("coding", [])]
    return codes or ["ATND"]


def visit_cx(encounter: JSON, dialect: Dialect) -> list[Component]:
    """The visit number as CX: the identifier that the dialect's rule names, else the first, else the id."""
    rule = dialect.visit
    identifiers = [identifier for identifier in encounter.get("identifier", []) if identifier.get("value")]
    identifiers.sort(key=lambda one: one.get("use") == "old")
    for identifier in identifiers:
        if matches(identifier, rule):
            return identifier_cx(identifier, rule)
    if identifiers:
        return identifier_cx(identifiers[0], rule if rule.system else None, rule.type)
    return identifier_cx({"value": encounter.get("id", "")}, rule)


def _own_id(patient: JSON, dialect: Dialect) -> list[Component]:
    """Whom nobody gave a number has the one of the record (PI of table 0203): PID-3 must not be empty."""
    return [str(patient.get("id", "")), "", "", dialect.sending_facility, "PI"]


def _categories(patient: JSON, url: str, dialect: Dialect) -> Repeat:
    """US Core race or ethnicity as repetitions of CE: the OMB categories, or the text alone.

    Before 2.3.1 both fields are a single IS: the first code.
    """
    found: list[list[Component]] = []
    for extension in patient.get("extension", []):
        if extension.get("url") != url:
            continue
        parts = extension.get("extension", [])
        for one in parts:
            coding = one.get("valueCoding")
            if one.get("url") == "ombCategory" and coding:
                found.append([coding.get("code", ""), coding.get("display", ""), "CDCREC"])
        if not found:
            found = [["", one.get("valueString", "")] for one in parts if one.get("url") == "text"]
    return Repeat(found if dialect.version >= "2.3.1" else [one[:1] for one in found[:1]])


def _language(patient: JSON) -> str:
    for spoken in patient.get("communication", [])[:1]:
        codings = spoken.get("language", {}).get("coding", [])
        for coding in [one for one in codings if one.get("system") == "urn:ietf:bcp:47"] or codings:
            return str(coding.get("code", ""))
    return ""


def _marital(patient: JSON) -> str:
    status = patient.get("maritalStatus", {})
    for coding in status.get("coding", []):
        if coding.get("system") == MARITAL_STATUS:
            # The way back of what PID-16 `A` (separated) becomes; annulled (v3 A) has no letter of its own.
            code = str(coding.get("code", ""))
            return {"L": "A", "A": ""}.get(code, code)
    return str(status.get("text", ""))


def _dead(patient: JSON) -> str:
    if "deceasedDateTime" in patient:
        return "Y"
    if "deceasedBoolean" in patient:
        return "Y" if patient["deceasedBoolean"] else "N"
    return ""


def _whereabouts(encounter: JSON, trigger: str) -> tuple[JSON | None, JSON | None, JSON | None]:
    """(where the patient is, where he or she was before, where to come): elements of Encounter.location.

    Before the first arrival the planned place is the assigned one (PV1-3), later it is the pending one (PV1-42).
    """
    places = encounter.get("location", [])
    planned = [one for one in places if one.get("status") == "planned"]
    real = [one for one in places if one.get("status") != "planned"]
    active = [one for one in real if one.get("status") in ("active", "reserved")]
    here = next(iter((active or real or planned)[-1:]), None)
    before = [one for one in real if one is not here]
    moved = trigger in ("A02", "A06", "A07", "A08", "A10", "A12", "A17")
    return here, before[-1] if before and moved else None, planned[-1] if planned and real else None


def _place(element: JSON | None, resources: Sequence[JSON]) -> list[Component]:
    reference = (element or {}).get("location")
    return place_pl(reference, referred(resources, reference)) if reference else []


def add_expectations(outline: Outline, encounter: JSON, resources: Sequence[JSON]) -> None:
    """Add PV2 with the reason and when admission and discharge are expected, if the visit says so."""
    reasons = encounter.get("reasonCode", [])
    fields: dict[int, Field] = {
        3: concept_cwe(reasons[0]) if reasons else "",
        8: outline.time(_extension(encounter, EXPECTED + "StartDate").get("valueDateTime", "")),
        9: outline.time(_extension(encounter, EXPECTED + "EndDate").get("valueDateTime", "")),
    }
    if any(fields.values()):
        outline.add("PV2", fields)


def add_former_numbers(outline: Outline, patient: JSON, encounter: JSON, *, always: bool = False) -> None:
    """Add MRG of one patient whose visit got another number: the patient's own in MRG-1, the visit's old one in MRG-3
    (as an account) and MRG-5; nothing if it has no old one, unless it must be there `always`."""
    dialect = outline.dialect
    old = [one for one in encounter.get("identifier", []) if one.get("use") == "old" and one.get("value")]
    if not old and not always:
        return
    rule = dialect.visit
    number: list[Component] = identifier_cx(old[-1], rule if rule.system else None, rule.type or "VN") if old else []
    fields: dict[int, Field] = {
        1: Repeat(patient_identifiers(patient.get("identifier", []), dialect)[:1] or [visit_cx(patient, dialect)]),
        3: number if dialect.account_is_visit or always else "",
        5: number,
    }
    outline.add("MRG", fields)


def _extension(resource: JSON, url: str) -> JSON:
    return next((one for one in resource.get("extension", []) if one.get("url") == url), {})


def _one_of_several(patient: JSON) -> str:
    several = patient.get("multipleBirthBoolean", True if "multipleBirthInteger" in patient else None)
    return "" if several is None else "Y" if several else "N"


def _service(encounter: JSON) -> str:
    service = encounter.get("serviceType", {})
    return str(_code(service) or service.get("text", ""))


def _code(concept: JSON | None) -> str:
    codings = (concept or {}).get("coding", [])
    return str(codings[0].get("code", "")) if codings else ""
