"""Resources in the shape that FHIR DSTU2 (1.0.2) had for what R4 has otherwise.

What differs most often: a code where R4 has a concept or a coding, and elements that had another name
(http://hl7.org/fhir/DSTU2/patient.html, condition.html, encounter.html, allergyintolerance.html, and what R4's
pages say under "R3 Diff", STU3's under "R2 Diff"). What DSTU2 has alike stays; nothing is invented.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON

CODES: Final = MappingProxyType(
    {
        "Condition": ("clinicalStatus", "verificationStatus"),
        "Encounter": ("class",),
        "AllergyIntolerance": ("clinicalStatus",),
    }
)
"""Elements that were a code and are a CodeableConcept or a Coding."""
NAMES: Final = MappingProxyType(
    {
        "Patient": MappingProxyType({"generalPractitioner": "careProvider"}),
        "AllergyIntolerance": MappingProxyType({"code": "substance", "clinicalStatus": "status"}),
        "Condition": MappingProxyType({"subject": "patient", "recordedDate": "dateRecorded"}),
        "Encounter": MappingProxyType({"subject": "patient"}),
        "MedicationRequest": MappingProxyType(
            {"subject": "patient", "authoredOn": "dateWritten", "requester": "prescriber"}
        ),
    }
)
"""R4's names and those of DSTU2."""
TYPES: Final = MappingProxyType({"MedicationRequest": "MedicationOrder"})
"""Types that were called otherwise."""


def as_dstu2(resource: JSON) -> JSON:
    """The resource as DSTU2 would have shown it; the very same where it looked like that already."""
    kind = str(resource.get("resourceType", ""))
    codes, names = CODES.get(kind, ()), NAMES.get(kind, MappingProxyType({}))
    if kind not in TYPES and not any(name in resource for name in (*codes, *names)):
        return resource
    made: JSON = {}
    for key, value in resource.items():
        made[names.get(key, key)] = _code(value) if key in codes else value
    made["resourceType"] = TYPES.get(kind, kind)
    return made


def _code(value: Any) -> Any:
    """The code of a CodeableConcept or Coding."""
    if not isinstance(value, dict):
        return value
    codings = value.get("coding") or [value]
    return codings[0].get("code", value.get("text", "")) if isinstance(codings[0], dict) else value
