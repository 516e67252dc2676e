"""Which of our changes is which Data Model and event type of Redox, and what it says."""

from __future__ import annotations

from typing import Any

import pytest
from tests.events.changes import changed

from mockehr.core.changes import QUIET
from mockehr.events.redox import content, is_told, told_as


def named(*args: Any, **more: Any) -> str:
    told = told_as(changed(*args, **more))
    return "" if told is None else f"{told.model}.{told.event}"


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (named("Patient"), "PatientAdmin.NewPatient"),
        (named("Patient", kind="update", before={}), "PatientAdmin.PatientUpdate"),
        (named("Patient", kind="update", before={}, event="ADT^A40"), "PatientAdmin.PatientMerge"),
        (
            named("Encounter", {"status": "in-progress"}, kind="update", before={}, event="ADT^A13"),
            "PatientAdmin.Cancel",
        ),
        (named("Encounter", {"status": "in-progress"}), "PatientAdmin.Arrival"),
        (named("Encounter", {"status": "in-progress"}, event="ADT^A02"), "PatientAdmin.Transfer"),
        (
            named("Encounter", {"status": "finished"}, kind="update", before={"status": "in-progress"}),
            "PatientAdmin.Discharge",
        ),
        (
            named("Encounter", {"status": "finished"}, kind="update", before={"status": "finished"}),
            "PatientAdmin.VisitUpdate",
        ),
        (named("Appointment", {"status": "booked"}), "Scheduling.New"),
        (named("Appointment", {"status": "booked"}, event="SIU^S13"), "Scheduling.Reschedule"),
        (named("Appointment", {"status": "noshow"}, kind="update", before={"status": "booked"}), "Scheduling.NoShow"),
        (named("Appointment", {"status": "booked"}, kind="delete"), "Scheduling.Cancel"),
        (named("DiagnosticReport", {"status": "final"}), "Results.New"),
        (named("ServiceRequest", {"status": "revoked"}, kind="update", before={"status": "active"}), "Order.Cancel"),
        (named("DocumentReference", kind="update", before={}), "Notes.Replace"),
        (named("Observation"), ""),
    ],
)
def test_a_change_has_its_word(found: str, wanted: str) -> None:
    assert found == wanted


def test_what_the_message_of_another_change_tells_is_not_told_again() -> None:
    assert is_told(changed("Encounter", {"status": "planned"}))
    assert not is_told(changed("Encounter", {"status": "planned"}, event=QUIET))


def test_the_known_notifications_have_their_names() -> None:
    told = [told_as(changed(kind, {"status": "booked"})) for kind in ("Patient", "Appointment", "DiagnosticReport")]
    assert [one.notification for one in told if one is not None] == [
        "patient-created",
        "scheduling-appointment-booked",
        "result-created",
    ]


@pytest.mark.parametrize(
    ("resource", "document", "key", "wanted"),
    [
        (
            "Encounter",
            {"class": {"code": "IMP"}, "period": {"start": "2026-01-05"}},
            "Visit",
            ("PatientClass", "IMP"),
        ),
        ("Appointment", {"start": "2026-01-05", "minutesDuration": 15}, "Visit", ("Duration", 15)),
        ("ServiceRequest", {"status": "active"}, "Order", ("Status", "active")),
        ("DocumentReference", {"status": "current"}, "Note", ("Availability", "Available")),
    ],
)
def test_the_data_model_says_what_the_resource_does(
    resource: str, document: dict[str, Any], key: str, wanted: tuple[str, Any]
) -> None:
    assert content(changed(resource, document))[key][wanted[0]] == wanted[1]


def test_results_medications_and_vaccinations_name_their_code() -> None:
    code = {"coding": [{"system": "http://loinc.org", "code": "2345-7", "display": "Glucose"}]}
    wanted = {"Code": "2345-7", "Codeset": "http://loinc.org", "Description": "Glucose"}
    report = content(changed("DiagnosticReport", {"status": "final", "code": code}))["Orders"][0]
    assert (report["Procedure"], report["ResultsStatus"]) == (wanted, "Final")
    drug = content(changed("MedicationRequest", {"medicationCodeableConcept": code}))
    assert drug["Order"]["Medication"]["Product"]["Name"] == "Glucose"
    assert content(changed("Immunization", {"vaccineCode": code}))["Vaccinations"][0]["Vaccine"] == wanted
    assert content(changed("Observation")) == {}
