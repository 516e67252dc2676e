"""The life of a Subscription: from the write to the handshake, the events, silence, failure and the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.sites.subscribing import (
    ADMISSION,
    STAY,
    admit,
    answer,
    arrived,
    ask,
    made,
    plain,
    respond,
    status,
    stored,
    subscribe,
    token,
    topical,
)

from mockehr.fhir.intake import Intake, import_document
from mockehr.fhir.xml import from_xml


def parameter(bundle: Any, name: str) -> Any:
    """The value of a parameter of a notification's status."""
    found = [one for one in bundle["entry"][0]["resource"]["parameter"] if one["name"] == name]
    return next(iter(value for key, value in found[0].items() if key != "name")) if found else None


# requested, active, error, off


def test_a_topical_subscription_is_active_once_its_endpoint_took_the_handshake() -> None:
    site = made()
    written = ask(site, "POST", "/Subscription", topical())
    id = answer(written)["id"]
    assert answer(written)["status"] == stored(site, id)["status"] == "requested"
    delivery = site.outbox.take()
    assert delivery is not None
    bundle = orjson.loads(delivery.exchange.body)
    assert (parameter(bundle, "type"), parameter(bundle, "status")) == ("handshake", "requested")
    assert parameter(bundle, "events-since-subscription-start") == "0"
    site.outbox.settle(delivery, 204)
    assert stored(site, id)["status"] == "active"
    assert [record.version for record in site.store.history("Subscription", id)] == [1, 2]
    change = site.log.changes[-1]
    assert (change.source, change.event) == ("control", "-")


@pytest.mark.parametrize(("code", "told"), [(500, "status 500"), (0, "no route")])
def test_a_handshake_that_is_not_taken_leaves_an_error_that_says_why(code: int, told: str) -> None:
    site = made()
    id = answer(ask(site, "POST", "/Subscription", topical()))["id"]
    delivery = site.outbox.take()
    assert delivery is not None
    site.outbox.settle(delivery, code, "" if code else "no route")
    found = stored(site, id)
    assert found["status"] == "error"
    assert told in found["error"]
    admit(site)
    assert not arrived(site)


def test_an_r4_subscription_is_active_at_once_and_hears_of_no_handshake() -> None:
    site = made()
    written = ask(site, "POST", "/Subscription", plain())
    assert answer(written)["status"] == "requested"
    assert stored(site, answer(written)["id"])["status"] == "active"
    assert site.outbox.take() is None


def test_nothing_is_told_before_the_handshake_was_taken() -> None:
    site = made()
    ask(site, "POST", "/Subscription", topical())
    admit(site, "early")
    assert [one.kind for one in arrived(site)] == ["handshake"]
    admit(site, "late")
    (delivery,) = arrived(site)
    assert [(event.number, event.change.id) for event in delivery.events] == [(1, "late")]


def test_a_handshake_to_an_endpoint_that_was_changed_meanwhile_decides_nothing() -> None:
    site = made()
    id = answer(ask(site, "POST", "/Subscription", topical()))["id"]
    old = site.outbox.take()
    assert old is not None
    moved = topical(channel={"endpoint": "https://app.example.org/new"}) | {"id": id}
    ask(site, "PUT", f"/Subscription/{id}", moved)
    site.outbox.settle(old, 200)
    assert stored(site, id)["status"] == "requested"
    new = respond(site)
    assert new is not None
    assert (new.exchange.path, stored(site, id)["status"]) == ("/new", "active")


def test_failures_in_a_row_end_in_error_and_events_go_on_being_counted() -> None:
    site = made({"events": {"policy": {"off_after": 2, "ladder": ["1m"]}}})
    id = subscribe(site, topical())
    admit(site, "e1")
    arrived(site, 500)
    assert stored(site, id)["status"] == "active"
    admit(site, "e2")
    arrived(site, 500)
    assert (stored(site, id)["status"], stored(site, id)["error"]) == ("error", "2 failures in a row")
    admit(site, "e3")
    site.clock.advance(600)
    assert not arrived(site)
    found = answer(ask(site, "GET", f"/Subscription/{id}/$status"))
    assert parameter(found, "events-since-subscription-start") == "3"
    assert parameter(found, "error")["coding"][0]["code"] == "no-response"


def test_a_client_asks_again_by_requested_and_numbers_go_on() -> None:
    site = made({"events": {"policy": {"off_after": 1, "ladder": []}}})
    id = subscribe(site, topical())
    admit(site, "e1")
    arrived(site, 500)
    again = {name: value for name, value in stored(site, id).items() if name != "meta"} | {"status": "requested"}
    written = ask(site, "PUT", f"/Subscription/{id}", again)
    assert "error" not in answer(written)
    assert [one.kind for one in arrived(site)] == ["handshake"]
    assert stored(site, id)["status"] == "active"
    admit(site, "e2")
    assert [event.number for one in arrived(site) for event in one.events] == [2]


def test_after_failures_it_may_be_off_as_the_vendor_has_it() -> None:
    site = made({"events": {"after_failures": "off", "policy": {"off_after": 1}}})
    id = subscribe(site, plain())
    admit(site)
    arrived(site, 500)
    assert stored(site, id)["status"] == "off"


def test_a_client_switches_it_off_and_what_happens_meanwhile_is_no_event() -> None:
    site = made()
    id = subscribe(site, topical())
    patch = [{"op": "replace", "path": "/status", "value": "off"}]
    assert status(ask(site, "PATCH", f"/Subscription/{id}", patch, content_type="application/json-patch+json")) == 200
    admit(site)
    assert not arrived(site)
    assert site.outbox.lane(f"Subscription/{id}").told == 0
    patch[0]["value"] = "requested"
    ask(site, "PATCH", f"/Subscription/{id}", patch, content_type="application/json-patch+json")
    arrived(site)
    assert stored(site, id)["status"] == "active"


def test_a_deleted_subscription_is_told_no_more() -> None:
    site = made()
    id = subscribe(site, plain())
    ask(site, "DELETE", f"/Subscription/{id}")
    admit(site)
    assert not arrived(site)
    assert not site.outbox.lanes


def test_it_is_off_at_its_end() -> None:
    site = made()
    id = subscribe(site, plain(end="2026-01-05T13:00:00Z"))  # the clock starts at noon
    site.clock.advance(3599)
    assert stored(site, id)["status"] == "active"
    site.clock.advance(1)
    assert (stored(site, id)["status"], stored(site, id)["error"]) == ("off", "its end has come")
    admit(site)
    assert not arrived(site)


def test_one_whose_end_is_over_is_off_at_once() -> None:
    site = made()
    written = ask(site, "POST", "/Subscription", topical(end="2020-12-31T12:00:00Z"))
    assert status(written) == 201
    assert stored(site, answer(written)["id"])["status"] == "off"
    assert not arrived(site)


# heartbeats


def test_heartbeats_come_only_after_silence() -> None:
    site = made()
    subscribe(site, topical(heartbeat=600))
    site.clock.advance(599)
    assert not arrived(site)
    site.clock.advance(1)
    (beat,) = arrived(site)
    assert beat.kind == "heartbeat"
    site.clock.advance(300)
    admit(site)
    arrived(site)
    site.clock.advance(599)
    assert not arrived(site)
    site.clock.advance(1)
    assert [one.kind for one in arrived(site)] == ["heartbeat"]


def test_a_subscription_that_is_off_has_no_heartbeat() -> None:
    site = made()
    id = subscribe(site, topical(heartbeat=600))
    ask(site, "PUT", f"/Subscription/{id}", topical(heartbeat=600, status="off") | {"id": id})
    site.clock.advance(7200)
    assert not arrived(site)


# what is told


def test_criteria_are_a_search_on_what_was_written() -> None:
    site = made()
    subscribe(site, plain("Encounter?status=in-progress&patient=Patient/p1"))
    admit(site, "e1", "p1")
    admit(site, "e2", "p2")
    admit(site, "e1", "p1", status="planned")
    assert [event.change.id for one in arrived(site) for event in one.events] == ["e1"]


def test_criteria_follow_chains_as_searches_do() -> None:
    site = made()
    subscribe(site, plain("Encounter?patient.family=Doe"))
    ask(site, "PUT", "/Patient/p1", {"resourceType": "Patient", "id": "p1", "name": [{"family": "Doe"}]})
    ask(site, "PUT", "/Patient/p2", {"resourceType": "Patient", "id": "p2", "name": [{"family": "Roe"}]})
    admit(site, "e1", "p1")
    admit(site, "e2", "p2")
    ask(site, "PUT", "/Patient/p2", {"resourceType": "Patient", "id": "p2", "name": [{"family": "Doe"}]})
    admit(site, "e3", "p2")
    assert [event.change.id for one in arrived(site) for event in one.events] == ["e1", "e3"]


def test_filters_of_a_topic_narrow_its_events() -> None:
    site = made()
    subscribe(site, topical(ADMISSION, "id-only", "Encounter?patient=Patient/p1"))
    admit(site, "e1", "p1")
    admit(site, "e2", "p2")
    assert [event.change.id for one in arrived(site) for event in one.events] == ["e1"]


def test_an_r4_subscription_to_subscriptions_does_not_tell_of_itself() -> None:
    site = made()
    subscribe(site, plain("Subscription"))
    assert not arrived(site)
    subscribe(site, plain())
    assert arrived(site)


def test_the_patient_of_a_visit_is_told_with_it_unless_a_filter_or_a_setting_says_no() -> None:
    def entries(settings: Any, *filters: str) -> list[str]:
        site = made(settings)
        ask(site, "PUT", "/Patient/p1", {"resourceType": "Patient", "id": "p1", "gender": "female"})
        subscribe(site, topical(ADMISSION, "full-resource", *filters))
        admit(site)
        (delivery,) = arrived(site)
        return [one["resource"]["resourceType"] for one in orjson.loads(delivery.exchange.body)["entry"]]

    assert entries(None) == ["Parameters", "Encounter", "Patient"]
    assert entries(None, "Patient?id=Patient/p1") == ["Parameters", "Encounter", "Patient"]
    assert entries(None, "Patient?gender=male") == ["Parameters", "Encounter"]
    assert entries({"events": {"related": False}}) == ["Parameters", "Encounter"]


def test_events_are_told_together_where_the_site_gathers_up_to_the_most_that_is_taken() -> None:
    site = made({"events": {"gather": 5}})
    subscribe(site, topical(max_count=2))
    for number in range(3):
        admit(site, f"e{number}")
    assert [len(one.events) for one in arrived(site)] == [2]
    site.clock.advance(5)
    assert [len(one.events) for one in arrived(site)] == [1]


# who may hear what


def test_a_client_that_may_not_read_a_type_may_not_subscribe_to_it() -> None:
    site = made(open_access=False)
    header = token(site, "system/Subscription.cruds system/Patient.r")
    refused = ask(site, "POST", "/Subscription", topical(), authorization=header)
    assert (status(refused), refused.problem and refused.problem.kind) == (403, "scope-missing")


def test_a_client_of_one_patient_hears_of_that_patient_only() -> None:
    site = made(open_access=False)
    for name in ("p1", "p2"):
        import_document(site.store, {"resourceType": "Patient", "id": name}, Intake(), source="test")
    scopes = "system/Subscription.cruds patient/Encounter.rs"
    id = subscribe(site, plain("Encounter"), authorization=token(site, scopes, patient="p1"))
    assert stored(site, id)["status"] == "active"
    visit = {"resourceType": "Encounter", "status": "in-progress", "class": STAY}
    for name, whose in (("e1", "p1"), ("e2", "p2")):
        document = visit | {"id": name, "subject": {"reference": f"Patient/{whose}"}}
        import_document(site.store, document, Intake(), source="test")
    assert [event.change.id for one in arrived(site) for event in one.events] == ["e1"]


def test_a_client_that_is_no_longer_active_is_told_nothing() -> None:
    from dataclasses import replace

    site = made(open_access=False)
    subscribe(site, plain("Encounter"), authorization=token(site, "system/*.cruds"))
    site.auth.clients.replace(replace(site.auth.clients.get("app"), active=False))
    document = {"resourceType": "Encounter", "id": "e1", "status": "planned", "class": STAY}
    import_document(site.store, document, Intake(), source="test")
    assert not arrived(site)


# what is stored counts, however it came there


def test_what_is_imported_is_honoured_or_shown_to_be_in_error() -> None:
    site = made()
    for id, criteria in (("good", "Encounter"), ("bad", "Encounter?colour=red")):
        import_document(site.store, plain(criteria) | {"id": id}, Intake(), source="test")
    assert stored(site, "good")["status"] == "active"
    assert stored(site, "bad")["status"] == "error"
    assert "colour" in stored(site, "bad")["error"]


def test_subscriptions_and_their_numbers_outlast_the_process(tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path}"
    site = made(store=store)
    id = subscribe(site, topical())
    admit(site, "e1")
    arrived(site)
    site.close()
    again = made(store=store)
    assert not arrived(again)
    admit(again, "e2")
    assert [event.number for one in arrived(again) for event in one.events] == [2]
    found = answer(ask(again, "GET", f"/Subscription/{id}/$events"))
    assert [one["name"] for one in found["entry"][0]["resource"]["parameter"]].count("notification-event") == 2
    again.close()


def test_a_handshake_that_a_restart_interrupted_is_made_again(tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path}"
    site = made(store=store)
    id = answer(ask(site, "POST", "/Subscription", topical()))["id"]
    site.close()
    again = made(store=store)
    again.clock.advance(0)
    assert {one.kind for one in arrived(again)} == {"handshake"}
    assert stored(again, id)["status"] == "active"
    again.close()


def test_a_reset_forgets_them() -> None:
    site = made()
    subscribe(site, topical(heartbeat=60))
    site.reset()
    assert not site.outbox.lanes
    site.clock.advance(600)
    admit(site)
    assert not arrived(site)


def test_a_snapshot_brings_back_those_that_it_has_and_no_others() -> None:
    site = made()
    kept = subscribe(site, plain())
    site.snapshots.take("one")
    subscribe(site, plain())
    ask(site, "DELETE", f"/Subscription/{kept}")
    site.snapshots.restore("one")
    assert list(site.outbox.lanes) == [f"Subscription/{kept}"]
    admit(site)
    assert len(arrived(site)) == 1


def test_another_process_with_the_same_store_tells_as_well(tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path}"
    one, other = made(store=store), made(store=store)
    id = subscribe(one, plain(), 200)
    admit(other, "e1")
    assert [event.change.id for one in arrived(other) for event in one.events] == ["e1"]
    ask(one, "DELETE", f"/Subscription/{id}")
    admit(other, "e2")
    assert not arrived(other)
    one.close()
    other.close()


def test_only_the_process_that_wrote_it_breaks_the_silence(tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path}"
    one, other = made(store=store), made(store=store)
    subscribe(one, topical(heartbeat=60))
    admit(other)
    assert [delivery.kind for delivery in arrived(other)] == ["event"]
    other.clock.advance(120)
    assert not arrived(other)
    one.clock.advance(120)
    assert {delivery.kind for delivery in arrived(one)} == {"heartbeat"}
    one.close()
    other.close()


def test_what_another_process_reset_is_forgotten_and_what_is_left_to_it_is_not_looked_after(tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path}"
    one = made(store=store)
    subscribe(one, plain(end="2026-01-05T13:00:00Z"))
    other = made(store=store)
    other.subscriptions.leave_to_others()
    other.clock.advance(7200)
    assert other.store.overlay("Subscription")[0].document["status"] == "active"
    admit(other, "e1")
    assert arrived(other)
    one.reset()
    admit(other, "e2")
    assert not other.outbox.lanes
    one.close()
    other.close()


# channels, versions, media types


def test_r4b_notifications_open_with_a_subscription_status() -> None:
    site = made({"fhir_version": "4.3.0"})
    subscribe(site, topical())
    admit(site)
    (delivery,) = arrived(site)
    first = orjson.loads(delivery.exchange.body)["entry"][0]["resource"]
    assert (first["resourceType"], first["type"], first["eventsSinceSubscriptionStart"]) == (
        "SubscriptionStatus",
        "event-notification",
        "1",
    )


def test_notifications_are_written_in_xml_where_that_was_asked_for() -> None:
    site = made()
    subscribe(site, topical(channel={"payload": "application/fhir+xml"}))
    admit(site)
    (delivery,) = arrived(site)
    assert delivery.exchange.headers["content-type"] == "application/fhir+xml"
    bundle = from_xml(delivery.exchange.body)
    assert isinstance(bundle, dict)
    assert parameter(bundle, "type") == "event-notification"


def test_the_headers_of_a_channel_go_along_with_every_delivery() -> None:
    site = made()
    ask(site, "POST", "/Subscription", topical(channel={"header": ["Authorization: Bearer x"]}))
    assert [one.exchange.headers["authorization"] for one in arrived(site)] == ["Bearer x"]


def test_websockets_want_no_endpoint_and_no_handshake_before_they_are_active() -> None:
    site = made()
    for document in (plain(), topical()):
        channel = {name: value for name, value in document["channel"].items() if name != "endpoint"}
        id = answer(ask(site, "POST", "/Subscription", document | {"channel": channel | {"type": "websocket"}}))["id"]
        assert stored(site, id)["status"] == "active"
        assert site.outbox.lane(f"Subscription/{id}").hook.url == "websocket:"
    admit(site)
    ping, bundle = arrived(site, 410)
    assert ping.exchange.body == f"ping {ping.hook.subscription}".encode()
    assert orjson.loads(bundle.exchange.body)["type"] == "history"
    for number in range(20):
        admit(site, f"e{number}", "p2")
        arrived(site, 410)
    assert not site.outbox.dead
    assert all(record.document["status"] == "active" for record in site.store.overlay("Subscription"))


def test_a_handshake_that_a_rule_loses_leaves_it_requested_until_it_is_asked_for_again() -> None:
    site = made()
    site.arm({"use": "handshake-missing", "when": {"first": 1}})
    id = subscribe(site, topical())
    assert stored(site, id)["status"] == "requested"
    ask(site, "PUT", f"/Subscription/{id}", topical() | {"id": id})
    arrived(site)
    assert stored(site, id)["status"] == "active"


def test_a_rule_that_switches_an_endpoint_off_puts_its_subscription_in_error() -> None:
    site = made()
    id = subscribe(site, topical())
    site.arm({"use": "subscription-off"})
    admit(site)
    assert not arrived(site)
    assert stored(site, id)["status"] == "error"
