"""What clients may write of Subscriptions, and what is refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sites.subscribing import ADMISSION, BASE, answer, ask, made, plain, status, stored, subscribe, topical


def outcome(exchange: Any) -> tuple[int, str, list[str]]:
    issue = answer(exchange)["issue"][0]
    return status(exchange), issue["details"]["text"], issue.get("expression", [])


CUSTOM = {"_type": {"extension": [{"url": BASE + "channel-type", "valueCoding": {"code": "zulip"}}]}}


@pytest.mark.parametrize(
    ("document", "says", "where"),
    [
        (topical("http://hl7.org/SubscriptionTopic/admision"), f"nearest: {ADMISSION}", "Subscription.criteria"),
        (
            topical(ADMISSION, "id-only", "Encounter?lenght=gt1"),
            "cannot be filtered by 'lenght'",
            "criteria.extension",
        ),
        (topical(ADMISSION, "id-only", "Encounter?pateint=x"), "nearest: patient", "criteria.extension"),
        (topical(ADMISSION, "id-only", "Claim?patient=x"), "Encounter, Patient, Observation", "criteria.extension"),
        (topical(ADMISSION, "everything"), "there are empty, id-only, full-resource", "Subscription.channel.payload"),
        (
            topical(channel={"_payload": {"id": "x"}}),
            "backport-payload-content is wanted",
            "Subscription.channel.payload",
        ),
        (topical(channel=CUSTOM), "the channel zulip is not offered", "Subscription.channel.type"),
        (topical(channel={"type": "email"}), "there is rest-hook", "Subscription.channel.type"),
        (
            topical(channel={"endpoint": "ftp://x.example.org/"}),
            "https:// or http://",
            "Subscription.channel.endpoint",
        ),
        (topical(channel={"payload": "text/plain"}), "cannot be sent", "Subscription.channel.payload"),
        (topical(channel={"header": ["nothing"]}), "is no header", "Subscription.channel.header[0]"),
        (topical(channel={"header": ["Host: x"]}), "cannot be set", "Subscription.channel.header[0]"),
        (plain("Observatoin?code=x"), "nearest: Observation", "Subscription.criteria"),
        (plain("Observation?colour=red"), "colour", "Subscription.criteria"),
        (plain("Observation?date=never"), "never", "Subscription.criteria"),
        (plain(payload="application/pdf"), "cannot be sent", "Subscription.channel.payload"),
    ],
)
def test_what_cannot_be_honoured_is_refused_and_says_what_is_nearest(
    document: dict[str, Any], says: str, where: str
) -> None:
    site = made()
    code, text, expression = outcome(ask(site, "POST", "/Subscription", document))
    assert code == 422
    assert says in text
    assert where in expression[0]
    assert not site.store.overlay("Subscription")


def test_all_faults_are_told_at_once() -> None:
    wrong = topical("http://x.example.org/none", "everything", channel={"type": "sms"})
    _, _, expression = outcome(ask(made(), "POST", "/Subscription", wrong))
    assert expression == ["Subscription.criteria", "Subscription.channel.type", "Subscription.channel.payload"]


@pytest.mark.parametrize("wanted", ["active", "error"])
def test_in_r4_only_the_server_activates(wanted: str) -> None:
    code, text, expression = outcome(ask(made(), "POST", "/Subscription", plain(status=wanted)))
    assert (code, expression) == (422, ["Subscription.status"])
    assert "`requested` or `off`" in text


def test_active_asks_for_activation_where_the_guide_says_so() -> None:
    site = made()
    written = ask(site, "POST", "/Subscription", topical(status="active"))
    assert (status(written), answer(written)["status"]) == (201, "requested")


def test_an_active_one_that_is_written_again_as_it_is_stays_active() -> None:
    site = made()
    for document in (plain(), topical()):
        id = subscribe(site, document)
        again = {key: value for key, value in stored(site, id).items() if key != "meta"} | {"reason": "another"}
        written = ask(site, "PUT", f"/Subscription/{id}", again)
        assert (status(written), answer(written)["status"]) == (200, "active")
        assert site.outbox.take() is None


def test_an_active_one_with_another_endpoint_has_to_take_a_handshake() -> None:
    site = made()
    id = subscribe(site, topical())
    moved = topical(status="active", channel={"endpoint": "https://app.example.org/new"}) | {"id": id}
    assert answer(ask(site, "PUT", f"/Subscription/{id}", moved))["status"] == "requested"


def test_too_many_are_refused_and_those_that_are_off_do_not_count() -> None:
    site = made({"events": {"limit": 1}})
    id = subscribe(site, plain())
    assert outcome(ask(site, "POST", "/Subscription", plain()))[0] == 422
    assert status(ask(site, "PUT", f"/Subscription/{id}", plain(status="off") | {"id": id})) == 200
    second = subscribe(site, plain())
    assert outcome(ask(site, "PUT", f"/Subscription/{id}", plain() | {"id": id}))[0] == 422
    assert stored(site, second)["status"] == "active"


def test_a_transaction_with_one_that_cannot_be_honoured_changes_nothing() -> None:
    site = made()
    entries = [
        {"resource": document, "request": {"method": "POST", "url": document["resourceType"]}}
        for document in ({"resourceType": "Patient"}, plain("Nothing"))
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert status(ask(site, "POST", "/", bundle)) == 422
    assert not site.log.changes
    entries[1]["resource"] = plain()
    assert status(ask(site, "POST", "/", bundle)) == 200
    assert len(site.outbox.lanes) == 1


def test_a_patch_is_looked_at_like_any_other_write() -> None:
    site = made()
    id = subscribe(site, plain())
    patch = [{"op": "replace", "path": "/criteria", "value": "Nothing"}]
    refused = ask(site, "PATCH", f"/Subscription/{id}", patch, content_type="application/json-patch+json")
    assert outcome(refused)[0] == 422
    assert stored(site, id)["criteria"].startswith("Encounter")


def test_a_vendor_that_has_one_style_takes_no_other() -> None:
    site = made({"events": {"subscriptions": ["backport"]}})
    code, text, _ = outcome(ask(site, "POST", "/Subscription", plain()))
    assert code == 422
    assert "backport" in text


def test_where_there_are_no_subscriptions_the_resource_is_one_like_any_other() -> None:
    site = made({"events": {"subscriptions": []}})
    assert status(ask(site, "POST", "/Subscription", plain(status="active"))) == 201
    assert not site.outbox.lanes


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_vendors_without_the_resource_say_so(vendor: str) -> None:
    site = made(personality=vendor)
    assert status(ask(site, "POST", "/Subscription", plain())) in (403, 404)
