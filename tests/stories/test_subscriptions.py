"""FHIR Subscriptions over sockets: what apps write, and what arrives at their endpoints.

The Subscriptions are those of the guide's examples in substance: admission (id-only, with filter, heartbeat, timeout
and max count), several resources, and a channel that nobody here has.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.sites.subscribing import ADMISSION, BASE, STAY, plain, topical

from mockehr.testing.receiver import Receiver
from mockehr.testing.world import TestSite, World

START = 1_606_824_000.0
"""2020-12-01T12:00:00Z: the examples of the guide end with that year."""


def post(site: TestSite, path: str, document: dict[str, Any], method: str = "POST") -> httpx.Response:
    headers = {"content-type": "application/fhir+json"}
    return httpx.request(method, site.fhir_url + path, json=document, headers=headers, trust_env=False)


def example(receiver: Receiver, *filters: str, **more: Any) -> dict[str, Any]:
    """The guide's example Subscription to admissions, with an endpoint that there is."""
    return topical(
        ADMISSION,
        "id-only",
        *(filters or ("Encounter?patient=Patient/123",)),
        heartbeat=86400,
        timeout=60,
        max_count=20,
        status="active",
        end="2020-12-31T12:00:00Z",
        channel={"endpoint": receiver.url, "header": ["Authorization: Bearer app-1"]},
        **more,
    )


def until(address: str, status: str) -> dict[str, Any]:
    """The Subscription as soon as it has that status; the site hears of an answer a little after it was given."""
    for _ in range(1000):
        found: dict[str, Any] = httpx.get(address, trust_env=False).json()
        if found["status"] == status:
            return found
    raise AssertionError(f"{address} does not become {status}: {found}")


def visit(id: str, patient: str = "123") -> dict[str, Any]:
    subject = {"reference": f"Patient/{patient}"}
    return {"resourceType": "Encounter", "id": id, "status": "in-progress", "class": STAY, "subject": subject}


def told(arrival: Any) -> dict[str, Any]:
    parameters = arrival.json["entry"][0]["resource"]["parameter"]
    return {
        one["name"]: next((v for k, v in one.items() if k.startswith("value")), one.get("part")) for one in parameters
    }


@pytest.mark.mockehr(stepped=True, open_access=True, start=START)
def test_the_guides_admission_example_works_as_it_is_written(
    mockehr_site: TestSite, mockehr_webhooks: Receiver
) -> None:
    created = post(mockehr_site, "/Subscription", example(mockehr_webhooks))
    assert (created.status_code, created.json()["status"]) == (201, "requested")
    (handshake,) = mockehr_webhooks.wait_for(1)
    assert (told(handshake)["type"], told(handshake)["status"]) == ("handshake", "requested")
    assert (handshake.headers["content-type"], handshake.headers["authorization"]) == (
        "application/fhir+json", "Bearer app-1",
    )  # fmt: skip
    here = f"{mockehr_site.fhir_url}/Subscription/{created.json()['id']}"
    assert told(handshake)["subscription"]["reference"] == here
    until(here, "active")
    post(mockehr_site, "/Encounter/other", visit("other", "9"), "PUT")
    post(mockehr_site, "/Encounter/mine", visit("mine"), "PUT")
    event = mockehr_webhooks.wait_for(2)[1]
    assert told(event)["events-since-subscription-start"] == "1"
    focus = next(one for one in told(event)["notification-event"] if one["name"] == "focus")
    assert focus["valueReference"]["reference"] == f"{mockehr_site.fhir_url}/Encounter/mine"
    assert httpx.get(focus["valueReference"]["reference"], trust_env=False).json()["id"] == "mine"
    mockehr_site.advance("1d")
    assert told(mockehr_webhooks.wait_for(3)[2])["type"] == "heartbeat"


@pytest.mark.mockehr(stepped=True, open_access=True, start=START)
def test_the_guides_example_of_several_resources_works_and_that_of_a_custom_channel_is_refused(
    mockehr_site: TestSite, mockehr_webhooks: Receiver
) -> None:
    several = ("Patient?id=Patient/123", "Encounter?patient=Patient/123", "Observation?subject=Patient/123")
    assert post(mockehr_site, "/Subscription", example(mockehr_webhooks, *several)).status_code == 201
    mockehr_webhooks.wait_for(1)
    custom = example(mockehr_webhooks)
    coding = {"system": "http://example.org/subscription-channel-type", "code": "zulip"}
    custom["channel"]["_type"] = {"extension": [{"url": BASE + "channel-type", "valueCoding": coding}]}
    refused = post(mockehr_site, "/Subscription", custom)
    assert refused.status_code == 422
    assert "zulip" in refused.text


@pytest.mark.mockehr(stepped=True, open_access=True)
def test_an_r4_subscription_with_a_payload_puts_resources_at_its_endpoint(mockehr: World) -> None:
    here = mockehr.site(name="here", stepped=True, open_access=True)
    there = mockehr.site(name="there", stepped=True, open_access=True)
    document = plain("Patient?gender=female")
    document["channel"] |= {"endpoint": there.fhir_url, "payload": "application/fhir+json"}
    assert post(here, "/Subscription", document).status_code == 201
    for id, gender in (("f1", "female"), ("m1", "male")):
        post(here, f"/Patient/{id}", {"resourceType": "Patient", "id": id, "gender": gender}, "PUT")
    assert any(httpx.get(f"{there.fhir_url}/Patient/f1", trust_env=False).status_code == 200 for _ in range(1000))
    assert httpx.get(f"{there.fhir_url}/Patient/m1", trust_env=False).status_code == 404


@pytest.mark.mockehr(stepped=True, open_access=True)
def test_an_endpoint_that_goes_down_puts_its_subscription_in_error_and_misses_nothing_for_good(
    mockehr_site: TestSite, mockehr_webhooks: Receiver
) -> None:
    id = post(mockehr_site, "/Subscription", example(mockehr_webhooks) | {"end": "2030-01-01T00:00:00Z"}).json()["id"]
    here = f"{mockehr_site.fhir_url}/Subscription/{id}"
    until(here, "active")
    mockehr_webhooks.answer(503)
    for number in range(10):
        post(mockehr_site, f"/Encounter/e{number}", visit(f"e{number}"), "PUT")
    mockehr_webhooks.wait_for(11)
    assert until(here, "error")["error"] == "10 failures in a row"
    missed = httpx.get(f"{here}/$events?eventsSinceNumber=1", trust_env=False).json()
    listed = [one for one in missed["entry"][0]["resource"]["parameter"] if one["name"] == "notification-event"]
    assert len(listed) == 10


@pytest.mark.mockehr(stepped=True, open_access=True)
def test_a_journey_through_the_hospital_arrives_as_admission_and_discharge(
    mockehr_site: TestSite, mockehr_webhooks: Receiver
) -> None:
    for name in ("admission", "discharge"):
        document = topical(f"http://hl7.org/SubscriptionTopic/{name}", "full-resource")
        document["channel"]["endpoint"] = mockehr_webhooks.url
        created = post(mockehr_site, "/Subscription", document)
        until(f"{mockehr_site.fhir_url}/Subscription/{created.json()['id']}", "active")
    mockehr_site.pathway("elective-surgery")
    for _ in range(60):
        mockehr_site.advance("1d")
    events = mockehr_webhooks.wait_for(4)[2:]
    statuses = [one.json["entry"][1]["resource"]["status"] for one in events]
    assert statuses == ["in-progress", "finished"]
    assert [entry["resource"]["resourceType"] for entry in events[0].json["entry"]] == [
        "Parameters", "Encounter", "Patient",
    ]  # fmt: skip
