"""The plain webhook, member by member."""

from __future__ import annotations

import json

from tests.events.changes import changed, delivered, outbox

from mockehr.events import policy_from, topics

CHANGE = changed("Encounter", kind="update", id="e1", patient="p1", event="ADT^A03")


def test_an_event_names_what_happened_to_what_and_to_whom() -> None:
    sent = delivered("mockehr", CHANGE).exchange
    assert json.loads(sent.body) == {
        "id": "evt-1",
        "type": "encounter.updated",
        "occurred": "2026-01-05T12:00:00Z",
        "resource": {"reference": "Encounter/e1", "version": "1"},
        "patient": {"reference": "Patient/p1"},
        "trigger": "A03",
    }
    assert sent.headers["content-type"] == "application/json"
    assert (sent.headers["x-mockehr-delivery"], sent.headers["x-mockehr-attempt"]) == ("dlv-1", "1")


def test_the_topic_by_which_it_was_heard_is_named() -> None:
    admitted = changed("Encounter", {"status": "in-progress"}, before={"status": "planned"}, kind="update")
    told = json.loads(delivered("mockehr", admitted, topics=(topics().get("encounter-start"),)).exchange.body)
    assert told["topic"] == "encounter-start"


def test_what_is_not_known_is_not_said() -> None:
    told = json.loads(delivered("mockehr", changed("Organization", id="o1")).exchange.body)
    assert set(told) == {"id", "type", "occurred", "resource"}


def test_the_payload_is_none_or_all_if_asked_for() -> None:
    assert set(json.loads(delivered("mockehr", CHANGE, payload="empty").exchange.body)) == {"id", "type", "occurred"}
    full = json.loads(delivered("mockehr", CHANGE, payload="full").exchange.body)
    assert full["resource"]["document"] == {"resourceType": "Encounter", "id": "e1"}


def test_several_events_are_a_list_and_none_is_what_it_is() -> None:
    policy = policy_from({"batch": 2})
    told = json.loads(delivered("mockehr", CHANGE, changed("Patient", number=2), policy=policy).exchange.body)
    assert [one["type"] for one in told["events"]] == ["encounter.updated", "patient.created"]
    box, _ = outbox("mockehr")
    assert json.loads(box.notify("app", "heartbeat").exchange.body) == {"type": "heartbeat"}


def test_a_further_attempt_says_which_one_it_is() -> None:
    box, clock = outbox("mockehr")
    box.hear(CHANGE)
    first = box.take()
    assert first is not None
    box.settle(first, 500)
    clock.advance(first.hook.policy.ladder[0])
    second = box.take()
    assert second is not None
    assert second.exchange.headers["x-mockehr-attempt"] == "2"
    assert json.loads(second.exchange.body)["id"] == "evt-1"
