"""What MEDITECH makes of each clean resource, and in which order it tells it. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import drop
from mockehr.personalities.meditech.clinical import (
    shape_allergy,
    shape_condition,
    shape_encounter,
    shape_goal,
    shape_plan,
    shape_team,
)
from mockehr.personalities.meditech.documents import shape_document
from mockehr.personalities.meditech.look import Look
from mockehr.personalities.meditech.orders import shape_immunization, shape_medication_request, shape_procedure
from mockehr.personalities.meditech.patient import shape_patient
from mockehr.personalities.meditech.results import shape_observation, shape_report

Shaper = Callable[[JSON, JSON, Look], JSON]

SHAPERS: Final[Mapping[str, Shaper]] = MappingProxyType(
    {
        "AllergyIntolerance": shape_allergy,
        "CarePlan": shape_plan,
        "CareTeam": shape_team,
        "Condition": shape_condition,
        "DiagnosticReport": shape_report,
        "DocumentReference": shape_document,
        "Encounter": shape_encounter,
        "Goal": shape_goal,
        "Immunization": shape_immunization,
        "MedicationRequest": shape_medication_request,
        "Observation": shape_observation,
        "Patient": shape_patient,
        "Procedure": shape_procedure,
    }
)
"""By resource type: (copy to change and return, clean original, surroundings) → MEDITECH's form."""

_ORDER: Final = {
    "AllergyIntolerance": "id clinicalStatus verificationStatus type category criticality code patient recorder"
    " asserter reaction onsetDateTime recordedDate lastOccurrence",
    "CarePlan": "id subject encounter author text status intent category title created",
    "CareTeam": "id status subject participant",
    "Condition": "id category verificationStatus clinicalStatus code subject encounter recorder onsetDateTime"
    " abatementDateTime recordedDate",
    "DiagnosticReport": "id meta category subject encounter status code effectiveDateTime issued performer result",
    "DocumentReference": "id status docStatus type category subject date author custodian content context",
    "Encounter": "id identifier status class type priority subject appointment serviceProvider participant"
    " hospitalization location diagnosis period reasonCode",
    "Goal": "id lifecycleStatus description subject",
    "Observation": "id category encounter subject component referenceRange status code effectiveDateTime"
    " interpretation valueQuantity",
    "Patient": "id identifier active name telecom gender birthDate deceasedBoolean deceasedDateTime address"
    " maritalStatus generalPractitioner contact communication extension",
    "ServiceRequest": "id status intent code subject encounter occurrenceDateTime authoredOn requester",
}
ORDERS: Final = MappingProxyType({kind: tuple(names.split()) for kind, names in _ORDER.items()})
"""Elements in MEDITECH's order, where it was seen; what is not named follows, and the type comes last."""


def shape(made: JSON, clean: JSON, look: Look) -> JSON:
    """MEDITECH's form of a copy: no meta, no narrative, but for one type each."""
    kept = "CarePlan" if clean["resourceType"] == "CarePlan" else ""
    drop(made, *(("meta",) if kept else ("meta", "text")))
    shaper = SHAPERS.get(clean["resourceType"])
    return made if shaper is None else shaper(made, clean, look)
