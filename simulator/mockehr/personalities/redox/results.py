"""Results: reports with their observations."""

from __future__ import annotations

from math import inf, isnan
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.redox import patients
from mockehr.personalities.redox.errand import Errand, Invalid, objects, part

_STATUS: Final = MappingProxyType(
    {"final": "final", "preliminary": "preliminary", "corrected": "corrected", "canceled": "cancelled"}
)
_LARGEST: Final = 2.0**53
"""What is beyond it, or no number at all, stays text."""
_SYSTEMS: Final = MappingProxyType({"LOINC": "http://loinc.org"})


def new(errand: Errand, body: JSON) -> JSON:
    """`Results.New`: for every order a DiagnosticReport, for every result an Observation."""
    orders = objects(body.get("Orders"))
    if not orders:
        raise Invalid("Orders are required")
    subject = {"reference": f"Patient/{patients.the_one(errand, body)['id']}"}
    for order in orders:
        results = [_observation(one, subject) for one in objects(order.get("Results"))]
        made = [{"reference": f"Observation/{errand.create(one)}"} for one in results]
        report: JSON = {
            "resourceType": "DiagnosticReport",
            "status": _status(order.get("ResultsStatus")),
            "code": _concept(part(order, "Procedure")),
            "subject": subject,
            "result": made,
        }
        errand.create(report if made else {key: value for key, value in report.items() if key != "result"})
    return {}


def _observation(told: JSON, subject: JSON) -> JSON:
    made: JSON = {
        "resourceType": "Observation",
        "status": _status(told.get("Status")),
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                                  "code": "laboratory"}]}],
        "code": _concept(told),
        "subject": subject,
    }  # fmt: skip
    if told.get("CompletionDateTime"):
        made["effectiveDateTime"] = str(told["CompletionDateTime"])
    value = told.get("Value")
    try:
        number = float(str(value))
    except ValueError:
        number = inf
    if abs(number) > _LARGEST or isnan(number):
        return made | ({"valueString": str(value)} if value not in (None, "") else {})
    unit = {"unit": str(told["Units"])} if told.get("Units") else {}
    return made | {"valueQuantity": {"value": int(number) if number.is_integer() else number, **unit}}


def _status(told: Any) -> str:
    return _STATUS.get(str(told or "final").lower(), "final")


def _concept(told: JSON) -> JSON:
    coding: JSON = {"code": str(told["Code"])} if told.get("Code") else {}
    system = _SYSTEMS.get(str(told.get("Codeset")))
    made: JSON = {"coding": [({"system": system} if system else {}) | coding]} if coding else {}
    return made | {"text": str(told.get("Description") or told.get("Code") or "Result")}
