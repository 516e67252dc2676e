"""Which of our changes is which topic of athenahealth's Event Subscription Platform."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from tests.events.changes import changed

from mockehr.events.athena import TOPICS, is_told, topics_of
from mockehr.events.topic import topics

LAB = {"category": [{"coding": [{"code": "LAB"}]}]}
RAD = {"category": [{"coding": [{"code": "RAD"}]}]}
VISIT = {"category": [{"coding": [{"code": "encounter-diagnosis"}]}]}


def named(*args: Any, **more: Any) -> list[str]:
    return [topic.name for topic in topics_of(changed(*args, **more))]


def moved(resource: str, before: str, after: str, **more: Any) -> list[str]:
    """Topics of a change of status."""
    return named(resource, {"status": after, **more}, kind="update", before={"status": before, **more})


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (named("Patient"), ["Patient.create"]),
        (named("Patient", kind="update", before={}), ["Patient.update"]),
        (named("Patient", kind="delete", before={}), ["Patient.delete"]),
        (named("Appointment", {"status": "booked"}), ["Appointment.schedule"]),
        (moved("Appointment", "booked", "cancelled"), ["Appointment.cancel"]),
        (moved("Appointment", "booked", "arrived"), ["Appointment.check-in"]),
        (moved("Appointment", "arrived", "fulfilled"), ["Appointment.check-out"]),
        (moved("Appointment", "booked", "noshow"), ["Appointment.update"]),
        (moved("Appointment", "checked-in", "booked"), ["Appointment.update"]),
        (moved("Slot", "free", "busy-unavailable"), ["Appointment.freeze"]),
        (moved("Slot", "busy-unavailable", "free"), ["Appointment.unfreeze"]),
        (moved("Slot", "busy", "free"), []),
        (moved("Encounter", "planned", "in-progress"), ["Encounter.check-in"]),
        (moved("Encounter", "in-progress", "finished"), ["Encounter.signoff"]),
        (moved("Encounter", "finished", "in-progress"), ["Encounter.reopen"]),
        (named("DiagnosticReport", {"status": "preliminary", **LAB}), ["LabResult.create"]),
        (moved("DiagnosticReport", "preliminary", "final", **LAB), ["LabResult.close"]),
        (moved("DiagnosticReport", "final", "preliminary", **RAD), ["ImagingResult.reopen"]),
        (named("DiagnosticReport", {"status": "final"}), []),
        (named("Condition", VISIT), ["ClinicalEncounterDiagnosis.create"]),
        (named("Condition"), ["PatientProblem.create"]),
        (named("ServiceRequest", {"status": "active"}), ["Order.submit"]),
        (moved("ServiceRequest", "active", "completed"), ["Order.perform"]),
        (named("MedicationRequest", {"reportedBoolean": True}), ["HistoricalMedication.create"]),
        (named("MedicationRequest"), ["Prescription.create"]),
        (named("Observation"), []),
    ],
)
def test_a_change_is_an_event_of_its_topics(found: list[str], wanted: list[str]) -> None:
    assert found == wanted


def test_a_moved_appointment_is_rescheduled_and_not_merely_updated() -> None:
    change = {"before": {"status": "booked", "start": "2026-01-05T09:00:00Z"}, "kind": "update"}
    assert named("Appointment", {"status": "booked", "start": "2026-01-05T10:00:00Z"}, **change) == [
        "Appointment.reschedule"
    ]
    assert named("Appointment", {"status": "booked", "start": "2026-01-05T09:00:00Z"}, **change) == [
        "Appointment.update"
    ]


def test_a_merge_is_an_event_once_and_no_update() -> None:
    merged = {"link": [{"type": "replaced-by", "other": {"reference": "Patient/2"}}]}
    assert named("Patient", merged, kind="update", before={}) == ["Patient.merge"]
    assert named("Patient", merged, kind="update", before=merged) == ["Patient.update"]


def test_the_platforms_topics_are_no_topics_of_other_sites_and_survive_pickling() -> None:
    assert not set(TOPICS) & set(topics())
    topic = TOPICS["LabResult.create"]
    assert pickle.loads(pickle.dumps(topic)) is topic
    assert topic.canonicals == ("https://api.platform.athenahealth.com/fhir/r4/SubscriptionTopic/LabResult.create",)
    assert is_told(changed("Patient"))
    assert not is_told(changed("Observation"))
