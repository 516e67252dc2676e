"""What athenahealth makes of each clean resource. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.athena import clinical, patient
from mockehr.personalities.athena.look import Look
from mockehr.personalities.athena.moments import eastern, localise
from mockehr.personalities.concepts import code_in

Shaper = Callable[[JSON, JSON, Look], JSON]

SHAPERS: Final[Mapping[str, Shaper]] = MappingProxyType(
    {
        "AllergyIntolerance": clinical.shape_allergy,
        "CarePlan": clinical.shape_unnamed,
        "CareTeam": clinical.shape_unnamed,
        "Condition": clinical.shape_condition,
        "DiagnosticReport": clinical.shape_report,
        "DocumentReference": clinical.shape_document,
        "Encounter": clinical.shape_encounter,
        "Goal": clinical.shape_unnamed,
        "Immunization": clinical.shape_immunization,
        "Location": patient.shape_location,
        "Observation": clinical.shape_observation,
        "Organization": patient.shape_organization,
        "Patient": patient.shape_patient,
        "Practitioner": patient.shape_practitioner,
        "Procedure": clinical.shape_procedure,
    }
)
"""By resource type: (copy to change and return, clean original, surroundings) → athenahealth's form."""
WITH_PROFILE: Final = frozenset({"CarePlan", "CareTeam", "Condition", "Device", "Encounter", "Goal", "Procedure"})
"""Types whose records name their profile."""
UPDATED: Final = WITH_PROFILE | {"Patient"}
"""Types whose records say when they were last changed."""
_OF_PRACTICE: Final = frozenset({"Organization", "Location", "Practitioner", "Patient", "Medication", "Binary"})
"""Types that say by themselves, or not at all, whose they are."""
_CONDITION: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-condition"


def shape(made: JSON, clean: JSON, look: Look) -> JSON:
    """athenahealth's form of a copy."""
    kind = made["resourceType"]
    told = made.get("meta", {})
    localise(made)
    made = SHAPERS.get(kind, clinical.shape_plain)(made, clean, look)
    meta = _meta(made, clean, look, told)
    if meta:
        made["meta"] = meta
    else:
        made.pop("meta", None)
    if kind not in _OF_PRACTICE:
        made["extension"] = [look.of_practice(), look.of_charts(), *made.get("extension", ())]
    if kind != "CarePlan":
        made.pop("text", None)
    return made


def _meta(made: JSON, clean: JSON, look: Look, told: JSON) -> JSON:
    kind = made["resourceType"]
    meta: JSON = {name: value for name, value in made.get("meta", {}).items() if name not in ("profile", "versionId")}
    if kind in WITH_PROFILE and told.get("profile"):
        meta["profile"] = [_CONDITION] if kind == "Condition" else list(told["profile"])
    elif kind in ("Location", "Practitioner"):
        meta["profile"] = made["meta"]["profile"]
    recorded = look.dresser.recorded(clean) if kind in UPDATED else ""
    if recorded:
        moment = f"{recorded}T00:00:00Z" if len(recorded) == 10 else recorded
        zulu = look.share("zulu_share", kind, str(made["id"]))
        meta["lastUpdated"] = _in_utc(moment) if zulu else eastern(moment, millis=True)
    return meta


def _in_utc(moment: str) -> str:
    return f"{moment[:19]}.000Z" if moment.endswith("Z") else moment


def flavour_of(resource: JSON) -> str:
    """What else an id shows."""
    kind = resource.get("resourceType")
    if kind == "Organization":
        return patient.organization_flavour(resource)
    if kind == "Observation":
        return clinical.observation_flavour(resource)
    if kind == "Condition":
        return clinical.condition_flavour(resource)
    if kind == "DocumentReference":
        return clinical.document_flavour(resource)
    if kind == "Immunization":
        return "" if resource.get("primarySource") else "historical"
    if kind == "Procedure":
        return "history" if code_in(resource.get("code"), "http://snomed.info/sct") == "" else ""
    if kind == "Goal":
        return "plan" if resource.get("addresses") else ""
    return ""
