"""Records as athenahealth's proprietary API writes them."""

from __future__ import annotations

import pytest
from tests.events.changes import changed

from mockehr.events.rows import row, stamp, unstamped


def test_a_patient_has_small_keys_american_days_and_a_masked_number() -> None:
    document = {
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "000-12-3333"}],
        "name": [{"family": "Muster", "given": ["Erika"]}],
        "birthDate": "1980-03-04",
        "gender": "female",
        "telecom": [{"system": "phone", "use": "mobile", "value": "555-0100"}],
    }
    assert row(changed("Patient", document, id="a-195900.E-77")) == {
        "patientid": "77",
        "firstname": "Erika",
        "lastname": "Muster",
        "dob": "03/04/1980",
        "sex": "F",
        "ssn": "*****3333",
        "mobilephone": "555-0100",
        "status": "active",
    }


def test_an_appointment_is_by_the_practices_clock_and_its_ids_are_texts() -> None:
    document = {
        "status": "cancelled",
        "start": "2026-02-03T09:30:00-05:00",
        "minutesDuration": 15,
        "participant": [
            {"actor": {"reference": "Patient/a-1.E-5"}},
            {"actor": {"reference": "Practitioner/27"}},
            {"actor": {"reference": "Location/150"}},
        ],
    }
    made = row(changed("Appointment", document, id="9", kind="update"), -5 * 3600)
    assert (made["date"], made["starttime"], made["duration"]) == ("02/03/2026", "09:30", 15)
    assert (made["patientid"], made["providerid"], made["departmentid"]) == ("5", "27", "150")
    assert (made["appointmentstatus"], made["lastmodified"]) == ("x", "01/05/2026 07:00:00")


@pytest.mark.parametrize(
    ("status", "code"), [("booked", "f"), ("arrived", "2"), ("fulfilled", "3"), ("cancelled", "x")]
)
def test_the_status_of_an_appointment_is_a_letter(status: str, code: str) -> None:
    assert row(changed("Appointment", {"status": status}))["appointmentstatus"] == code


def test_ids_of_clinical_records_are_numbers_where_they_can_be() -> None:
    problem = {
        "code": {"text": "Fatigue", "coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "R53.83"}]},
        "onsetDateTime": "2021-01-11T08:00:00Z",
    }
    made = row(changed("Condition", problem, id="3833", patient="980"))
    assert (made["problemid"], made["patientid"], made["name"]) == (3833, 980, "Fatigue")
    assert made["events"] == [{"eventtype": "START", "startdate": "01/11/2021"}]
    assert row(changed("Condition", problem, id="w1"))["problemid"] == "w1"


def test_reports_are_told_apart_by_their_category() -> None:
    imaging = {"category": [{"coding": [{"code": "RAD"}]}], "status": "final"}
    assert row(changed("DiagnosticReport", imaging, id="1"))["imagingresultid"] == 1
    laboratory = row(changed("DiagnosticReport", {"status": "preliminary"}, id="2"))
    assert (laboratory["labresultid"], laboratory["status"]) == (2, "REVIEW")


@pytest.mark.parametrize("resource", ["Slot", "Practitioner", "MedicationRequest", "Claim"])
def test_a_record_that_says_nothing_still_has_its_id(resource: str) -> None:
    assert "4" in {str(value) for value in row(changed(resource, id="4")).values()}


def test_a_moment_is_read_as_it_is_written() -> None:
    assert stamp(1_767_614_400.0, -5 * 3600) == "01/05/2026 07:00:00"
    assert unstamped("01/05/2026 07:00:00", -5 * 3600) == 1_767_614_400.0
    assert unstamped("01/05/2026") == 1_767_571_200.0
    with pytest.raises(ValueError, match="does not match"):
        unstamped("2026-01-05")
