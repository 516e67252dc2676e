"""What athenahealth's Event Subscription Platform posts."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import Any

import pytest
from tests.events.changes import changed, delivered, outbox

from mockehr.core.changes import Change
from mockehr.events import policy_from
from mockehr.events.athena import TOPICS
from mockehr.events.form import forms

PATIENT = changed("Patient", id="a-432.E-528595", kind="update", before={})
LAB = changed("DiagnosticReport", {"category": [{"coding": [{"code": "LAB"}]}]}, id="7", number=2, patient="5")


def bundle(*changes: Change, **more: Any) -> Any:
    return json.loads(delivered("athena", *changes, **more).exchange.body)


def test_a_bundle_opens_with_a_status_that_r4_does_not_have_and_every_event_has_an_audit_event() -> None:
    told = bundle(PATIENT, topics=(TOPICS["Patient.update"],), subscription="s1")
    assert (told["resourceType"], told["type"]) == ("Bundle", "history")
    status, audit = (entry["resource"] for entry in told["entry"])
    assert (status["resourceType"], status["type"]) == ("SubscriptionStatus", "event-notification")
    assert status["topic"].endswith("/SubscriptionTopic/Patient.update")
    assert status["subscription"] == {"reference": "Subscription/s1"}
    assert told["entry"][0]["request"] == {"method": "GET", "url": "Subscription/s1/$status"}
    (event,) = status["notificationEvent"]
    assert event["focus"] == {
        "reference": "Patient/a-432.E-528595",
        "identifier": {"system": "urn:athenahealth:athenanet:patient:195900", "value": "528595"},
    }
    assert (audit["resourceType"], audit["id"]) == ("AuditEvent", event["id"])
    assert audit["type"] == {
        "system": "https://fhir.athena.io/CodeSystem/SubscriptionTopic",
        "code": "Patient.update",
    }


def test_the_counters_are_texts_and_begin_anew_in_every_bundle() -> None:
    policy = policy_from({"batch": 2, "preset": "athena"})
    box, _ = outbox("athena", policy=policy)
    seen = []
    for number in range(1, 5):
        box.hear(changed("Patient", number=number, id=str(number)))
    while (delivery := box.take()) is not None:
        status = json.loads(delivery.exchange.body)["entry"][0]["resource"]
        numbers = [event["eventNumber"] for event in status["notificationEvent"]]
        seen.append((status["eventsSinceSubscriptionStart"], status["eventsInNotification"], numbers))
    assert seen == [("2", 2, ["1", "2"]), ("2", 2, ["1", "2"])]


def test_an_event_has_the_same_id_in_every_attempt_and_at_no_other_event() -> None:
    box, clock = outbox("athena")
    box.hear(PATIENT)
    box.hear(LAB)
    ids = []
    for _ in range(2):
        delivery = box.take()
        assert delivery is not None
        ids.append(json.loads(delivery.exchange.body)["entry"][1]["resource"]["id"])
        box.settle(delivery, 500 if not ids[1:] else 200)
    clock.advance(10)
    again = box.take()
    assert again is not None
    assert json.loads(again.exchange.body)["entry"][1]["resource"]["id"] == ids[0] != ids[1]


@pytest.mark.parametrize(
    ("focus", "keys"),
    [("vendor", {"identifier"}), ("reference", {"reference"}), ("both", {"reference", "identifier"})],
)
def test_what_names_a_lab_result_depends_on_the_setting(focus: str, keys: set[str]) -> None:
    event = bundle(LAB, settings={"athena": {"focus": focus}})["entry"][0]["resource"]["notificationEvent"][0]
    assert set(event["focus"]) == keys
    assert event["additionalContext"] == [
        {
            "type": "Patient",
            "reference": "Patient/5",
            "identifier": {"system": "urn:athenahealth:athenanet:patient:195900", "value": "5"},
        }
    ]


def test_an_event_is_told_as_the_topic_that_was_asked_for() -> None:
    before = {"status": "booked", "start": "2026-01-05T09:00:00Z"}
    moved = changed(
        "Appointment", {"status": "arrived", "start": "2026-01-05T10:00:00Z"}, kind="update", before=before, id="4"
    )
    for name in ("Appointment.check-in", "Appointment.reschedule"):
        told = bundle(moved, topics=(TOPICS[name],))["entry"]
        assert told[0]["resource"]["topic"].endswith(f"/{name}")
        assert told[1]["resource"]["type"]["code"] == name
        # the vendor has appointments in its proprietary API only
        assert set(told[0]["resource"]["notificationEvent"][0]["focus"]) == {"identifier"}


def test_a_bundle_may_claim_to_be_older_than_its_event() -> None:
    told = bundle(PATIENT, settings={"athena": {"timestamp_early": 11}})
    assert told["timestamp"] == "2026-01-05T11:59:49.000Z"
    assert told["entry"][0]["resource"]["notificationEvent"][0]["timestamp"] == "2026-01-05T12:00:00.000Z"


def test_the_body_is_signed_and_nothing_else() -> None:
    sent = delivered("athena", PATIENT, secret="s3cret").exchange
    wanted = hmac.new(b"s3cret", sent.body, sha256).hexdigest()
    assert sent.headers["x-hub-signature"] == f"sha256={wanted}"


def test_it_never_carries_the_resource_and_tells_only_of_what_is_a_topic() -> None:
    assert forms().get("athena").payloads == ("id-only",)
    assert b"birthDate" not in delivered("athena", changed("Patient", {"birthDate": "1980-01-01"})).exchange.body
    tells = forms().get("athena").tells
    assert tells is not None
    assert not tells(changed("Observation"))


def test_it_is_tried_for_an_hour_and_then_kept_as_a_dead_letter() -> None:
    box, clock = outbox("athena")
    box.hear(PATIENT)
    first, tried = clock.now(), []
    for _ in range(500):
        delivery = box.take()
        if delivery is not None:
            tried.append(clock.now() - first)
            box.settle(delivery, 0, "no answer within 2 s")
        clock.advance(10)
    assert len(tried) == 10
    assert 3000 <= tried[-1] <= 3600
    assert len(box.dead) == 1
    assert forms().get("athena").policy.timeout == 2.0
