"""What Epic makes of each clean resource. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import codes_of, drop
from mockehr.personalities.epic.acts import shape_immunization, shape_procedure
from mockehr.personalities.epic.clinical import (
    NOT_ASKED,
    shape_allergy,
    shape_condition,
    shape_encounter,
)
from mockehr.personalities.epic.directory import shape_organization, shape_other, shape_practitioner, with_oids
from mockehr.personalities.epic.documents import shape_document
from mockehr.personalities.epic.look import Look
from mockehr.personalities.epic.orders import shape_medication, shape_medication_request
from mockehr.personalities.epic.patient import shape_patient
from mockehr.personalities.epic.results import shape_observation, shape_report

Shaper = Callable[[JSON, JSON, Look], JSON]

SHAPERS: Final[Mapping[str, Shaper]] = MappingProxyType(
    {
        "AllergyIntolerance": shape_allergy,
        "Condition": shape_condition,
        "DiagnosticReport": shape_report,
        "DocumentReference": shape_document,
        "Encounter": shape_encounter,
        "Immunization": shape_immunization,
        "Medication": shape_medication,
        "MedicationRequest": shape_medication_request,
        "Observation": shape_observation,
        "Organization": shape_organization,
        "Patient": shape_patient,
        "Practitioner": shape_practitioner,
        "Procedure": shape_procedure,
    }
)
"""By resource type: (copy to change and return, clean original, surroundings) → Epic's form."""


def shape(made: JSON, clean: JSON, look: Look) -> JSON:
    """Epic's form of a copy: no meta, no narrative (but on CarePlan), nothing contained."""
    drop(made, "meta")
    if made["resourceType"] != "CarePlan":
        drop(made, "text")
    made = SHAPERS.get(made["resourceType"], shape_other)(made, clean, look)
    return with_oids(made) if look.tables["code_systems"] == "oid" else made


def flavour_of(resource: JSON) -> str:
    """What decides which family of ids a resource has: its category, or that nobody asked."""
    kind = resource.get("resourceType")
    codes = codes_of(resource.get("category")) if kind in ("Condition", "Observation") else frozenset()
    if kind == "Condition" and "encounter-diagnosis" in codes:
        return "encounter-diagnosis"
    if kind == "AllergyIntolerance" and NOT_ASKED in codes_of(resource.get("code")):
        return "not-asked"
    return ""
