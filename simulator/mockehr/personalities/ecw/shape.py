"""What eClinicalWorks makes of each clean resource. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.dates import as_moment
from mockehr.personalities.ecw.clinical import (
    shape_condition,
    shape_encounter,
    shape_immunization,
    shape_medication,
    shape_medication_request,
    shape_observation,
    shape_organization,
    shape_practitioner,
    shape_procedure,
)
from mockehr.personalities.ecw.look import Look, at_midnight
from mockehr.personalities.ecw.narrative import narrate
from mockehr.personalities.ecw.patient import shape_patient
from mockehr.personalities.order import HEAD
from mockehr.personalities.rewrite import ordered

Shaper = Callable[[JSON, JSON, Look], JSON]

SHAPERS: Final[Mapping[str, Shaper]] = MappingProxyType(
    {
        "Condition": shape_condition,
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
"""By resource type: (copy to change and return, clean original, surroundings) → eClinicalWorks' form."""
_TIMED: Final = frozenset({"Appointment", "Slot"})
"""Types whose `start` and `end` are instants."""


def shape(made: JSON, clean: JSON, look: Look) -> JSON:
    """eClinicalWorks' form of a copy: one profile, a narrative, dateTimes at midnight."""
    kind = str(made["resourceType"])
    shaper = SHAPERS.get(kind)
    if shaper is not None:
        made = shaper(made, clean, look)
    if look.tables["midnight"]:
        at_midnight(made, look.zone, instants=kind in _TIMED)
    made["meta"] = _meta(made, clean, kind, look)
    if kind != "Binary":
        made["text"] = narrate(made)
    return ordered(made, HEAD)


def _meta(made: JSON, clean: JSON, kind: str, look: Look) -> JSON:
    profiles = made.get("meta", {}).get("profile") or [f"http://hl7.org/fhir/StructureDefinition/{kind}"]
    meta: JSON = {"profile": profiles[:1]}
    recorded = look.dresser.recorded(clean)
    if recorded and kind != "Organization":
        meta = {"lastUpdated": as_moment(recorded, look.zone), **meta}
    return meta
