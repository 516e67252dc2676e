"""What Oracle Health makes of each clean resource. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import codes_of
from mockehr.personalities.dates import Style, as_moment
from mockehr.personalities.oracle.clinical import (
    shape_allergy,
    shape_appointment,
    shape_condition,
    shape_encounter,
    shape_immunization,
    shape_procedure,
)
from mockehr.personalities.oracle.look import Look
from mockehr.personalities.oracle.narrative import narrate
from mockehr.personalities.oracle.patient import shape_patient
from mockehr.personalities.oracle.results import (
    observation_flavour,
    shape_document,
    shape_medication_request,
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
        "Condition": shape_condition,
        "DiagnosticReport": shape_report,
        "DocumentReference": shape_document,
        "Encounter": shape_encounter,
        "Immunization": shape_immunization,
        "MedicationRequest": shape_medication_request,
        "Observation": shape_observation,
        "Patient": shape_patient,
        "Procedure": shape_procedure,
    }
)
"""By resource type: (copy to change and return, clean original, surroundings) → Oracle Health's form."""

_CATEGORIES: Final = ("problem-list-item", "encounter-diagnosis", "health-concern")


def shape(made: JSON, clean: JSON, look: Look, style: Style, version: str) -> JSON:
    """Oracle Health's form of a copy: version and time, a narrative, no profiles."""
    shaper = SHAPERS.get(made["resourceType"])
    if shaper is not None:
        made = shaper(made, clean, look)
    meta: JSON = {"versionId": version}
    recorded = look.dresser.recorded(clean)
    if recorded:
        meta["lastUpdated"] = as_moment(recorded, _meta_style(made, style))
    if "security" in made.get("meta", {}):
        meta["security"] = made["meta"]["security"]
    made["meta"] = meta
    if "div" not in made.get("text", {}):
        made["text"] = narrate(made, clean, look)
    return ordered(made, HEAD)


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
    if kind == "CareTeam":
        return "encounter" if "encounter" in resource else ""
    if kind == "Binary":
        return "pdf" if resource.get("contentType") == "application/pdf" else ""
    return ""
