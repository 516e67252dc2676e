"""The feeds of athenahealth's proprietary API and their events."""

from __future__ import annotations

import pytest
from tests.events.changes import changed

from mockehr.core.changes import Change
from mockehr.events.feed import FEEDS

BOOKED = changed("Appointment", {"status": "booked"})


def event_of(feed: str, change: Change) -> str:
    return FEEDS[feed].event_of(change, FEEDS[feed].events)


@pytest.mark.parametrize(
    ("feed", "change", "event"),
    [
        ("appointments", BOOKED, "ScheduleAppointment"),
        (
            "appointments",
            changed("Appointment", {"status": "arrived"}, kind="update", before={"status": "booked"}),
            "CheckIn",
        ),
        ("appointments", changed("Appointment", {"status": "booked"}, kind="delete"), "DeleteAppointment"),
        ("appointments", changed("Slot", {"status": "free"}), "AddAppointmentSlot"),
        ("appointments", changed("Patient"), ""),
        ("patients", changed("Location"), ""),
        ("providers", changed("Patient", kind="update", before={}), ""),
        ("prescriptions", changed("Observation"), ""),
        ("labresults", changed("Observation", {"category": [{"coding": [{"code": "LAB"}]}]}), ""),
        ("chart/healthhistory/problems", changed("Observation", kind="delete"), ""),
        ("patients", changed("Patient"), "AddPatient"),
        ("patients", changed("Patient", kind="update", before={}), "UpdatePatient"),
        ("chart/healthhistory/problems", changed("Condition"), "AddProblem"),
        ("labresults", changed("DiagnosticReport", {"category": [{"coding": [{"code": "LAB"}]}]}), "AddLabResult"),
    ],
)
def test_a_change_is_an_event_of_its_feed(feed: str, change: Change, event: str) -> None:
    assert event_of(feed, change) == event


def test_only_the_events_that_are_asked_for_count() -> None:
    assert FEEDS["appointments"].event_of(BOOKED, {"CheckIn": 0}) == ""


def test_the_events_of_appointments_are_the_vendors_in_its_order() -> None:
    assert list(FEEDS["appointments"].events)[:6] == [
        "ScheduleAppointment",
        "CheckIn",
        "CheckOut",
        "UpdateAppointment",
        "CancelAppointment",
        "UpdateReminderCall",
    ]
    assert all(feed.events for feed in FEEDS.values())
