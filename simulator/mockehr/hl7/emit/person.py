"""PID from a Patient, PV1 from an Encounter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import (
    address_xad,
    clinician_xcn,
    identifier_cx,
    matches,
    name_xpn,
    patient_identifiers,
    telecom_xtn,
)
from mockehr.hl7.emit.outline import Outline, referred
from mockehr.hl7.terms import ETHNICITY, MARITAL_STATUS, PATIENT_CLASS, RACE, SEX
from mockehr.hl7.write import Component, Field, Repeat

_ROLES: Final = {"ATND": 7, "REF": 8, "CON": 9, "ADM": 17}


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
        7: outline.time(patient.get("birthDate", "")),
        8: SEX.get(patient.get("gender", ""), ""),
        10: _categories(patient, RACE, dialect),
        11: Repeat(address_xad(address, dialect) for address in patient.get("address", [])),
        13: Repeat(home),
        14: Repeat(work),
        15: _language(patient),
        16: _marital(patient),
        22: _categories(patient, ETHNICITY, dialect),
        29: outline.time(patient.get("deceasedDateTime", "")),
        30: _dead(patient),
    }
    if dialect.account_is_visit and encounter is not None:
        fields[18] = visit_cx(encounter, dialect)
    outline.add("PID", fields)


def add_visit(outline: Outline, encounter: JSON, resources: Sequence[JSON]) -> None:
    """Add PV1. Participants are looked up among the resources, else taken from their references."""
    stay = encounter.get("hospitalization", {})
    period = encounter.get("period", {})
    fields: dict[int, Field] = {
        1: "1",
        2: PATIENT_CLASS.get(encounter.get("class", {}).get("code", ""), "O"),
        3: _location(encounter, resources),
        10: _service(encounter),
        14: _code(stay.get("admitSource")),
        19: visit_cx(encounter, outline.dialect),
        36: _code(stay.get("dischargeDisposition")),
        44: outline.time(period.get("start", "")),
        45: outline.time(period.get("end", "")),
    }
    for participant in encounter.get("participant", []):
        who = participant.get("individual")
        roles = [coding.get("code") for kind in participant.get("type", []) for coding in kind.get("coding", [])]
        for role in roles or ["ATND"]:
            if role in _ROLES and _ROLES[role] not in fields:
                fields[_ROLES[role]] = clinician_xcn(who, referred(resources, who))
    outline.add("PV1", fields)


def visit_cx(encounter: JSON, dialect: Dialect) -> list[Component]:
    """The visit number as CX: the identifier that the dialect's rule names, else the first, else the id."""
    rule = dialect.visit
    identifiers = [identifier for identifier in encounter.get("identifier", []) if identifier.get("value")]
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
        for coding in spoken.get("language", {}).get("coding", [])[:1]:
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


def _location(encounter: JSON, resources: Sequence[JSON]) -> list[Component]:
    for place in encounter.get("location", [])[-1:]:
        reference = place.get("location", {})
        value = reference.get("identifier", {}).get("value", "")
        if value:
            return list(value.split("^"))
        found = referred(resources, reference) or {}
        return [found.get("name") or reference.get("display", "")]
    return []


def _service(encounter: JSON) -> str:
    service = encounter.get("serviceType", {})
    return str(_code(service) or service.get("text", ""))


def _code(concept: JSON | None) -> str:
    codings = (concept or {}).get("coding", [])
    return str(codings[0].get("code", "")) if codings else ""
