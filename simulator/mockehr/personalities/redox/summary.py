"""Clinical Summary: what a destination knows of one patient, section by section."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.redox import patients
from mockehr.personalities.redox.errand import Errand


def query(errand: Errand, body: JSON) -> JSON:
    """`Header` with the patient, and a list for each section."""
    patient = patients.the_one(errand, body)
    told: JSON = {"Header": {"Patient": patients.told(patient)}}
    for name, resource_type, criteria, write in SECTIONS:
        found = errand.found(f"/{resource_type}?patient={patient['id']}{criteria}")
        told[name] = [write(one) for one in found]
    return told


def _concept(told: Any) -> JSON:
    coding: JSON = next(iter((told or {}).get("coding") or ()), {})
    return {
        "Code": coding.get("code"),
        "CodeSystem": coding.get("system"),
        "Name": (told or {}).get("text") or coding.get("display"),
    }


def _status(told: Any) -> JSON:
    return {"Code": next((one.get("code") for one in (told or {}).get("coding") or ()), None)}


def _allergy(one: JSON) -> JSON:
    return {"Substance": _concept(one.get("code")), "Status": _status(one.get("clinicalStatus"))}


def _encounter(one: JSON) -> JSON:
    period = one.get("period") or {}
    kind = _concept(next(iter(one.get("type") or ()), None))
    return {"Identifiers": [{"ID": one["id"], "IDType": "FHIR"}], "Type": kind, "DateTime": period.get("start")}


def _immunization(one: JSON) -> JSON:
    return {"DateTime": one.get("occurrenceDateTime"), "Product": _concept(one.get("vaccineCode"))}


def _medication(one: JSON) -> JSON:
    told = one.get("medicationCodeableConcept") or {"text": (one.get("medicationReference") or {}).get("display")}
    return {
        "Prescription": one.get("intent") == "order",
        "Product": _concept(told),
        "StartDate": one.get("authoredOn"),
    }


def _problem(one: JSON) -> JSON:
    return {
        **_concept(one.get("code")),
        "StartDate": one.get("onsetDateTime"),
        "Status": _status(one.get("clinicalStatus")),
    }


def _procedure(one: JSON) -> JSON:
    period = one.get("performedPeriod") or {}
    return {**_concept(one.get("code")), "DateTime": one.get("performedDateTime") or period.get("start")}


def _observation(one: JSON) -> JSON:
    quantity = one.get("valueQuantity") or {}
    value = quantity.get("value", one.get("valueString"))
    return {
        **_concept(one.get("code")),
        "Status": one.get("status"),
        "Value": None if value is None else str(value),
        "Units": quantity.get("unit"),
        "DateTime": one.get("effectiveDateTime"),
    }


Write = Callable[[JSON], JSON]
SECTIONS: Final[tuple[tuple[str, str, str, Write], ...]] = (
    ("Allergies", "AllergyIntolerance", "", _allergy),
    ("Encounters", "Encounter", "", _encounter),
    ("Immunizations", "Immunization", "", _immunization),
    ("Medications", "MedicationRequest", "", _medication),
    ("Problems", "Condition", "&category=problem-list-item", _problem),
    ("Procedures", "Procedure", "", _procedure),
    ("Results", "Observation", "&category=laboratory", _observation),
    ("VitalSigns", "Observation", "&category=vital-signs", _observation),
)
"""Section → where its entries come from, and how one is written."""
