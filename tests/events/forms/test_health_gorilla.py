"""What Health Gorilla posts, and what it takes for taken."""

from __future__ import annotations

import json

import pytest
from tests.events.changes import changed, delivered, outbox

from mockehr.events.policy import PRESETS

CHANGE = changed("Patient", {"birthDate": "1980-01-01"})


def test_the_resource_itself_is_posted_and_no_bundle() -> None:
    sent = delivered("health-gorilla", CHANGE, payload="full").exchange
    assert json.loads(sent.body) == CHANGE.document
    assert sent.headers["content-type"] == "application/fhir+json"
    assert sent.headers["user-agent"] == "HealthGorilla-FHIR-Webhook"
    assert sent.headers["x-healthgorilla-event-type"] == "Patient.create"


def test_the_event_type_is_told_unless_the_setting_says_no_and_nothing_is_signed() -> None:
    settings = {"health_gorilla": {"event_type": False}}
    sent = delivered("health-gorilla", CHANGE, settings=settings, payload="full", secret="s3cret").exchange
    assert set(sent.headers) == {"content-type", "user-agent"}


@pytest.mark.parametrize(
    ("status", "taken"), [(200, True), (202, True), (201, False), (204, False), (302, False), (500, False)]
)
def test_only_200_and_202_count(status: int, taken: bool) -> None:
    box, _ = outbox("health-gorilla", payload="full")
    box.hear(CHANGE)
    delivery = box.take()
    assert delivery is not None
    box.settle(delivery, status)
    assert (box.delivered == 1) is taken


def test_after_the_fifth_attempt_a_notification_is_lost() -> None:
    box, clock = outbox("health-gorilla", payload="full")
    box.hear(CHANGE)
    waits = []
    for wait in (5, 30, 120, 600, 0):
        delivery = box.take()
        assert delivery is not None
        box.settle(delivery, 500)
        if wait:
            clock.advance(wait - 1)
            assert box.take() is None
            clock.advance(1)
        waits.append(delivery.attempt)
    clock.advance(86400)
    assert waits == [1, 2, 3, 4, 5]
    assert (box.take(), box.dead) == (None, [])


def test_the_other_page_of_its_documentation_tries_every_quarter_of_an_hour() -> None:
    steady = PRESETS["health-gorilla-steady"]
    assert [steady.wait(attempt, 1e9) for attempt in (1, 2, 500)] == [900, 900, 900]
    assert not steady.takes(204)
