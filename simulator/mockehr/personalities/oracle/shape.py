"""What Oracle Health makes of each clean resource. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import orjson

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import codes_of
from mockehr.personalities.dates import Style, as_moment
from mockehr.personalities.oracle.care import (
    shape_care_plan,
    shape_care_team,
    shape_coverage,
    shape_goal,
    shape_provenance,
    shape_service_request,
    shape_specimen,
)
from mockehr.personalities.oracle.clinical import (
    shape_allergy,
    shape_appointment,
    shape_condition,
    shape_encounter,
    shape_immunization,
    shape_procedure,
)
from mockehr.personalities.oracle.directory import shape_location, shape_organization, shape_practitioner
from mockehr.personalities.oracle.look import Look
from mockehr.personalities.oracle.narrative import narrate
from mockehr.personalities.oracle.orders import shape_medication_request
from mockehr.personalities.oracle.patient import shape_patient
from mockehr.personalities.oracle.results import (
    observation_flavour,
    shape_document,
    shape_observation,
    shape_report,
)
from mockehr.personalities.order import HEAD
from mockehr.personalities.rewrite import ordered

Shaper = Callable[[JSON, JSON, Look], JSON]

SHAPERS: Final[Mapping[str, Shaper]] = MappingProxyType(
    {
        "AllergyIntolerance": shape_allergy,
        "Appointment": shape_appointment,
        "CarePlan": shape_care_plan,
        "CareTeam": shape_care_team,
        "Condition": shape_condition,
        "Coverage": shape_coverage,
        "DiagnosticReport": shape_report,
        "DocumentReference": shape_document,
        "Encounter": shape_encounter,
        "Goal": shape_goal,
        "Immunization": shape_immunization,
        "Location": shape_location,
        "MedicationRequest": shape_medication_request,
        "Observation": shape_observation,
        "Organization": shape_organization,
        "Patient": shape_patient,
        "Practitioner": shape_practitioner,
        "Procedure": shape_procedure,
        "Provenance": shape_provenance,
        "ServiceRequest": shape_service_request,
        "Specimen": shape_specimen,
    }
)
"""By resource type: (copy to change and return, clean original, surroundings) → Oracle Health's form."""

REQUIRED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "AllergyIntolerance": ("patient",),
        "Condition": ("subject",),
        "DiagnosticReport": ("status", "code"),
        "DocumentReference": ("status", "content"),
        "Encounter": ("status", "class"),
        "Immunization": ("status", "vaccineCode", "patient"),
        "MedicationRequest": ("status", "intent", "subject"),
        "Observation": ("status", "code"),
        "Procedure": ("status", "subject"),
    }
)
"""By type, the elements of R4 that must be there for a record to be shown (hl7.org/fhir/R4, cardinality 1..)."""

_FIRST: Final = b'"versionId":"0"'
_CATEGORIES: Final = ("problem-list-item", "encounter-diagnosis", "health-concern")


def shape(made: JSON, clean: JSON, look: Look, style: Style, version: str) -> JSON:
    """Oracle Health's form of a copy: version and time, a narrative, no profiles."""
    shaper = SHAPERS.get(made["resourceType"])
    if shaper is not None:
        made = shaper(made, clean, look)
    meta: JSON = {"versionId": f"{version}-{version}" if made["resourceType"] == "Coverage" else version}
    recorded = look.dresser.recorded(clean)
    if recorded:
        meta["lastUpdated"] = as_moment(recorded, _meta_style(made, style))
    if "security" in made.get("meta", {}):
        meta["security"] = made["meta"]["security"]
    made["meta"] = meta
    return narrated(made, clean, look)


def narrated(made: JSON, clean: JSON, look: Look) -> JSON:
    """With a narrative, unless there is one, and in order."""
    if "div" not in made.get("text", {}):
        made["text"] = narrate(made, clean, look)
    return ordered(made, HEAD)


def missing(kind: str, body: bytes) -> str:
    """The first required element that a record has not; empty if it has all. Hot path.

    What was never written has them all: only later versions are taken apart.
    """
    names = REQUIRED.get(kind, ())
    if not names or (_FIRST in body[:400] and all(f'"{name}":'.encode() in body for name in names)):
        return ""
    return lacking(kind, orjson.loads(body.decode("utf-8", "replace")))


def lacking(kind: str, told: JSON) -> str:
    """The first required element that a resource has not; empty if it has all."""
    return next((name for name in REQUIRED.get(kind, ()) if name not in told and f"_{name}" not in told), "")


def _meta_style(made: JSON, style: Style) -> Style:
    """Documents, and reports that are documents, have milliseconds."""
    document = made["resourceType"] == "DocumentReference" or "presentedForm" in made
    return "millis" if document else style


def flavour_of(resource: JSON) -> str:
    """What else an id shows."""
    kind = resource.get("resourceType")
    if kind == "Observation":
        return observation_flavour(resource)
    categories = codes_of(resource.get("category"))
    if kind == "Condition":
        return next((name for name in _CATEGORIES if name in categories), "problem-list-item")
    if kind == "Immunization":
        return "not-done" if resource.get("status") == "not-done" else ""
    if kind == "CareTeam":
        return "encounter" if "encounter" in resource else ""
    if kind == "Binary":
        return "pdf" if resource.get("contentType") == "application/pdf" else ""
    return ""
