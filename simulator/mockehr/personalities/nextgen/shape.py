"""What NextGen makes of each clean resource. Sources: notes.md, section Resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import drop
from mockehr.personalities.nextgen.clinical import (
    condition_flavour,
    observation_flavour,
    shape_document,
    shape_encounter,
    shape_immunization,
    shape_medication_request,
    shape_procedure,
    shape_report,
)
from mockehr.personalities.nextgen.documents import form_of, shape_binary
from mockehr.personalities.nextgen.look import Look, bare_phones, long_postcode, with_fractions
from mockehr.personalities.nextgen.patient import shape_patient
from mockehr.personalities.order import HEAD
from mockehr.personalities.rewrite import ordered

Shaper = Callable[[JSON, JSON, Look], JSON]

SHAPERS: Final[Mapping[str, Shaper]] = MappingProxyType(
    {
        "DiagnosticReport": shape_report,
        "DocumentReference": shape_document,
        "Encounter": shape_encounter,
        "MedicationRequest": shape_medication_request,
        "Patient": shape_patient,
        "Procedure": shape_procedure,
    }
)
"""By resource type: (copy to change and return, clean original, surroundings) → NextGen's form."""


def shape(made: JSON, clean: JSON, look: Look, flavour: str | None) -> JSON:
    """NextGen's form of a copy: no meta, no narrative, phones and postal codes as digits."""
    kind = made["resourceType"]
    drop(made, "meta", "text")
    if kind == "Binary":
        return shape_binary(made, clean)
    if kind == "Immunization":
        made = shape_immunization(made, clean, look, flavour)
    shaper = SHAPERS.get(kind)
    if shaper is not None:
        made = shaper(made, clean, look)
    if "telecom" in made:
        made["telecom"] = bare_phones(made["telecom"])
    if "address" in made:
        told = made["address"]
        made["address"] = [long_postcode(one) for one in told] if isinstance(told, list) else long_postcode(told)
    if look.tables["fractions"]:
        made = with_fractions(made)
    return ordered(made, HEAD)


def flavour_of(resource: JSON) -> str:
    """What else an id shows."""
    kind = resource.get("resourceType")
    if kind == "Condition":
        return condition_flavour(resource)
    if kind == "Observation":
        return observation_flavour(resource)
    return form_of(str(resource.get("contentType", ""))) if kind == "Binary" else ""
