"""Every kind of notification is a good Bundle of its version, and says no more than its payload allows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.events.changes import changed

from mockehr.core.changes import Change
from mockehr.events import Event, Hook, Sender, topics
from mockehr.events.notification import Notice, bundle_of
from mockehr.fhir.record import encode
from mockehr.fhir.validate import check_models, validate_document

VISIT = {
    "status": "in-progress",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
    "subject": {"reference": "Patient/p1"},
}
PATIENT = {"resourceType": "Patient", "id": "p1", "active": True}
TYPES = ("handshake", "heartbeat", "event-notification", "query-status", "query-event")


def hook(**more: Any) -> Hook:
    topic = topics().get("admission")
    return Hook("Subscription/s", "https://app.example.org/", topics=(topic,), subscription="s", **more)


def sender(version: str = "4.0.1", status: tuple[str, str] = ("active", "")) -> Sender:
    made = Sender("a", encode, lambda: "https://a.example.org/fhir", lambda: 1767614400.5, fhir_version=version)
    made.status = lambda subscription: status
    made.related = lambda hook, event: [PATIENT] if event.change.kind != "delete" else []
    return made


def event(number: int, **more: Any) -> Event:
    change: Change = changed("Encounter", VISIT, patient="p1", number=number, **more)
    return Event(number, change, "admission")


@pytest.mark.parametrize("version", ["4.0.1", "4.3.0"])
@pytest.mark.parametrize("payload", ["empty", "id-only", "full"])
@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("status", ["requested", "active", "error", "off"])
def test_all_of_them_are_good_fhir(version: str, payload: Any, type: str, status: str) -> None:
    happened = [event(1, id="e1"), event(2, id="e1", kind="update", before=VISIT), event(3, id="e2", kind="delete")]
    told = happened if type.endswith(("event", "notification")) else []
    bundle = bundle_of(Notice(hook(), type, 3, told, payload), sender(version, (status, "no answer")))
    assert not [issue for issue in validate_document(bundle, version=version) if issue.fails]
    assert not check_models(bundle)
    assert bundle["type"] == "history"
    first = bundle["entry"][0]
    assert first["request"] == {"method": "GET", "url": "https://a.example.org/fhir/Subscription/s/$status"}
    assert first["resource"]["resourceType"] == ("Parameters" if version == "4.0.1" else "SubscriptionStatus")


def test_an_empty_one_names_neither_topic_nor_resource() -> None:
    bundle = bundle_of(Notice(hook(), "event-notification", 1, [event(1)], "empty"), sender())
    (entry,) = bundle["entry"]
    assert [one["name"] for one in entry["resource"]["parameter"]] == [
        "subscription", "status", "type", "events-since-subscription-start", "notification-event",
    ]  # fmt: skip
    assert "Encounter" not in str(bundle)
    assert "Patient" not in str(bundle)


def test_an_id_only_one_names_focus_and_context_in_the_status_alone() -> None:
    (entry,) = bundle_of(Notice(hook(), "event-notification", 7, [event(7, id="e1")]), sender())["entry"]
    parts = {one["name"]: one for one in entry["resource"]["parameter"][-1]["part"]}
    assert parts["event-number"]["valueString"] == "7"
    assert parts["timestamp"]["valueInstant"] == "2026-01-05T12:00:00.000Z"
    assert parts["focus"]["valueReference"] == {"reference": "https://a.example.org/fhir/Encounter/e1"}
    assert parts["additional-context"]["valueReference"] == {"reference": "https://a.example.org/fhir/Patient/p1"}


def test_a_full_one_says_by_what_each_resource_came_about_and_has_none_twice() -> None:
    happened = [event(1, id="e1"), event(2, id="e2", kind="update", before=VISIT), event(3, id="e3", kind="delete")]
    bundle = bundle_of(Notice(hook(), "event-notification", 3, happened, "full"), sender())
    rows = [
        (one["request"]["method"], one["request"]["url"], one["response"]["status"]) for one in bundle["entry"][1:]
    ]
    assert rows == [
        ("POST", "Encounter", "201"),
        ("PUT", "Encounter/e2", "200"),
        ("DELETE", "Encounter/e3", "204"),
        ("GET", "Patient/p1", "200"),
    ]
    assert "resource" not in bundle["entry"][3]


def test_the_topic_is_called_as_the_subscription_calls_it() -> None:
    def topic(**more: Any) -> str:
        parameters = bundle_of(Notice(hook(**more), "heartbeat", 0), sender())["entry"][0]["resource"]["parameter"]
        return next(str(one["valueCanonical"]) for one in parameters if one["name"] == "topic")

    assert topic() == "https://mockehr.example.org/SubscriptionTopic/admission"
    assert topic(canonical="http://hl7.org/SubscriptionTopic/admission|1.0") == (
        "http://hl7.org/SubscriptionTopic/admission|1.0"
    )


def test_the_same_notice_has_the_same_ids_and_another_has_others() -> None:
    def ids(notice: Notice) -> tuple[str, str]:
        bundle = bundle_of(notice, sender())
        return bundle["id"], bundle["entry"][0]["resource"]["id"]

    one = Notice(hook(), "event-notification", 1, [event(1)], mark="evt-1")
    assert ids(one) == ids(one)
    assert len({*ids(one), *ids(Notice(hook(), "event-notification", 2, [event(2)], mark="evt-2"))}) == 4
