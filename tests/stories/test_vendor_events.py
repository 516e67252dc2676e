"""The events of athenahealth, Redox and Health Gorilla over real sockets, and vendors that have none."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import httpx2
import pytest

from mockehr.auth.assertion import client_assertion
from mockehr.testing.receiver import Answer, Arrival, Receiver
from mockehr.testing.world import TestSite, World

JSON_MEDIA = {"Content-Type": "application/fhir+json"}
FEEDS = {"events": {"changed": {"path": "/v1/195900", "latency": 60}}}
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
TOPIC = "https://api.platform.athenahealth.com/fhir/r4/SubscriptionTopic/Patient.create"


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=30) as client:
        yield client


def write(site: TestSite, http: httpx2.Client, *families: str) -> list[str]:
    """Ids of new patients of those names."""
    found = []
    for family in families:
        body = {"resourceType": "Patient", "name": [{"family": family}]}
        answer = http.post(f"{site.fhir_url}/Patient", json=body, headers=JSON_MEDIA)
        assert answer.status_code == 201, answer.text
        found.append(str(answer.json()["id"]))
    return found


def family_of(arrival: Arrival) -> str:
    return str(arrival.json["Patient"]["Demographics"]["LastName"])


def test_a_feed_of_redox_pauses_until_its_head_is_taken(
    mockehr: World, mockehr_webhooks: Receiver, http: httpx2.Client
) -> None:
    site = mockehr.site(stepped=True, open_access=True)
    mockehr_webhooks.answer(500, times=2)
    site.webhook(mockehr_webhooks.url, form="redox", payload="full", secret="t0ken", resources=["Patient"])
    write(site, http, "First", "Second")
    mockehr_webhooks.wait_for(1)
    site.advance(0)
    mockehr_webhooks.wait_for(2)
    site.advance("9s")
    assert [family_of(arrival) for arrival in mockehr_webhooks] == ["First", "First"]
    site.advance("1s")
    arrivals = mockehr_webhooks.wait_for(4)
    assert [family_of(arrival) for arrival in arrivals] == ["First", "First", "First", "Second"]
    assert [arrival.status for arrival in arrivals] == [500, 500, 200, 200]
    assert {arrival.headers["verification-token"] for arrival in arrivals} == {"t0ken"}
    assert len({arrival.json["Meta"]["Message"]["ID"] for arrival in arrivals}) == 2


def test_a_destination_of_redox_is_verified_by_its_answer(mockehr: World, mockehr_webhooks: Receiver) -> None:
    site = mockehr.site(stepped=True)
    mockehr_webhooks.echo(False)
    mockehr_webhooks.answer(lambda arrival: Answer(200, body=str(arrival.json["challenge"]).encode()), times=1)
    name = site.webhook(mockehr_webhooks.url, form="redox", payload="full", secret="t0ken")
    for arrived, taken in ((1, True), (2, False)):
        delivery: Any = site._call(site.site.outbox.notify, name, "handshake")
        mockehr_webhooks.wait_for(arrived)
        site.advance(0)
        assert delivery.exchange.notes["taken"] is taken
    assert mockehr_webhooks[0].json["verification-token"] == "t0ken"
    assert len(site.journal(channel="webhook", interaction="handshake")) == 2


def test_health_gorilla_takes_202_for_taken_and_204_for_a_failure(
    mockehr: World, mockehr_webhooks: Receiver, http: httpx2.Client
) -> None:
    site = mockehr.site(stepped=True, open_access=True)
    mockehr_webhooks.answer(204, times=1)
    mockehr_webhooks.answer(202)
    site.webhook(mockehr_webhooks.url, form="health-gorilla", payload="full", resources=["Patient"])
    write(site, http, "Muster")
    mockehr_webhooks.wait_for(1)
    site.advance("5s")
    first, second = mockehr_webhooks.wait_for(2)
    assert (first.status, second.status, first.body == second.body) == (204, 202, True)
    assert second.json["name"] == [{"family": "Muster"}]
    assert second.headers["user-agent"] == "HealthGorilla-FHIR-Webhook"
    site.advance("1h")
    assert len(mockehr_webhooks) == 2


def test_a_bundle_of_athenahealth_is_signed_and_its_focus_can_be_fetched(
    mockehr: World, mockehr_webhooks: Receiver, http: httpx2.Client
) -> None:
    site = mockehr.site(stepped=True, open_access=True)
    site.webhook(mockehr_webhooks.url, form="athena", secret="s3cret", topics=["Patient.create"])
    (id,) = write(site, http, "Muster")
    (arrival,) = mockehr_webhooks.wait_for(1)
    signed = hmac.new(b"s3cret", arrival.body, sha256).hexdigest()
    assert arrival.headers["x-hub-signature"] == f"sha256={signed}"
    status = arrival.json["entry"][0]["resource"]
    assert status["topic"] == TOPIC
    reference = status["notificationEvent"][0]["focus"]["reference"]
    assert reference == f"Patient/{id}"
    assert http.get(f"{site.fhir_url}/{reference}").json()["name"] == [{"family": "Muster"}]


def test_athenahealths_subscriptions_are_made_with_a_secret_in_a_header_and_deleted(
    mockehr: World, mockehr_webhooks: Receiver, http: httpx2.Client
) -> None:
    events = {"subscriptions": ["athena"], "schemes": ["http", "https"]}
    site = mockehr.site(stepped=True, open_access=True, settings={"events": events})
    level = {"url": BACKPORT + "backport-payload-content", "valueCode": "id-only"}
    practice = "ah-practice=Organization/a-1.Practice-195900"
    subscription = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "test",
        "criteria": TOPIC,
        "_criteria": {"extension": [{"url": BACKPORT + "backport-filter-criteria", "valueString": practice}]},
        "channel": {
            "type": "rest-hook",
            "endpoint": mockehr_webhooks.url,
            "payload": "application/fhir+json",
            "_payload": {"extension": [level]},
        },
    }
    made = http.post(
        f"{site.fhir_url}/Subscription",
        json=subscription,
        headers={"Content-Type": "application/json", "X-Hub-Secret": "s3cret"},
    )
    assert made.status_code == 201, made.text
    id = made.json()["id"]
    found = http.get(f"{site.fhir_url}/Subscription").json()
    assert (found["total"], bool(found["id"])) == (1, True)
    write(site, http, "Muster")
    (arrival,) = mockehr_webhooks.wait_for(1)
    signed = hmac.new(b"s3cret", arrival.body, sha256).hexdigest()
    assert arrival.headers["x-hub-signature"] == f"sha256={signed}"
    assert arrival.json["entry"][0]["resource"]["subscription"] == {"reference": f"Subscription/{id}"}
    assert http.delete(f"{site.fhir_url}/Subscription/{id}").status_code == 204
    write(site, http, "Later")
    site.advance("1h")
    assert len(mockehr_webhooks) == 1


def test_a_polled_feed_is_emptied_by_reading_and_wants_a_token(mockehr: World, http: httpx2.Client) -> None:
    site = mockehr.site(stepped=True, settings=FEEDS)
    client = site.client()
    assertion = client_assertion(client.client_id, client.token_url, client.key, now=site.now, jti="1")
    form = {
        "grant_type": "client_credentials",
        "scope": client.scopes,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    token = http.post(client.token_url, data=form).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    feed = f"{site.fhir_url.removesuffix(site.site.fhir_path)}/v1/195900/patients/changed"
    assert http.get(feed).status_code == 401
    asked = http.post(f"{feed}/subscription", data={"eventname": "AddPatient"}, headers=bearer)
    assert asked.json() == {"success": True}
    assert http.get(f"{feed}/subscription", headers=bearer).json()["status"] == "PARTIAL"
    created = http.post(
        f"{site.fhir_url}/Patient",
        content=json.dumps({"resourceType": "Patient", "name": [{"family": "Muster"}], "birthDate": "1980-03-04"}),
        headers=bearer | JSON_MEDIA,
    )
    assert created.status_code == 201
    assert http.get(feed, headers=bearer).json() == {"patients": [], "totalcount": 0}
    site.advance("60s")
    looked = http.get(feed, params={"leaveunprocessed": "true"}, headers=bearer).json()
    read = http.get(feed, headers=bearer).json()
    assert looked == read
    assert read["patients"][0]["dob"] == "03/04/1980"
    assert http.get(feed, headers=bearer).json()["totalcount"] == 0
    again = http.get(feed, params={"showprocessedstartdatetime": "01/05/2026 12:01:00"}, headers=bearer).json()
    assert again["totalcount"] == 1
    assert len(site.journal(channel="feed", client=client.client_id)) == 7


SUBSCRIPTION = {
    "resourceType": "Subscription",
    "status": "requested",
    "reason": "test",
    "criteria": "Patient?active=true",
    "channel": {"type": "rest-hook", "endpoint": "https://app.example.org/hook"},
}


def test_oracle_has_no_subscriptions_and_says_no_more_than_that(mockehr: World, http: httpx2.Client) -> None:
    site = mockehr.site("oracle", stepped=True, open_access=True)
    answer = http.post(f"{site.fhir_url}/Subscription", json=SUBSCRIPTION, headers=JSON_MEDIA)
    assert answer.status_code == 404
    assert answer.json()["issue"] == [{"severity": "error", "code": "not-found", "details": {"text": "Not Found"}}]
    assert not site.site.outbox.hooks


@pytest.mark.behaviour("epic", "no-subscriptions")
def test_epic_has_no_subscriptions_and_answers_with_the_page_of_its_web_server(
    mockehr: World, http: httpx2.Client
) -> None:
    site = mockehr.site("epic", stepped=True, open_access=True)
    answer = http.post(f"{site.fhir_url}/Subscription", json=SUBSCRIPTION, headers=JSON_MEDIA)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html")
    assert "404 - File or directory not found." in answer.text
    assert not site.site.outbox.hooks


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_vendors_without_events_do_not_say_that_they_have_them(
    vendor: str, mockehr: World, http: httpx2.Client
) -> None:
    site = mockehr.site(vendor, stepped=True, open_access=True)
    statement = http.get(f"{site.fhir_url}/metadata", headers={"Accept": "application/fhir+json"}).json()
    types = {one["type"] for one in statement["rest"][0]["resource"]}
    assert "Patient" in types
    assert not {"Subscription", "SubscriptionTopic"} & types
