"""Subscriptions, bulk, rates and HL7 of a site of athenahealth. Sources: personalities/athena/notes.md."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import orjson
import pytest

from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Context, Key, Upsert
from mockehr.hl7.dialects import DIALECTS
from mockehr.hl7.emit import emit
from mockehr.hl7.emit.outline import Event
from mockehr.hl7.message import Message
from mockehr.personalities.variance import variance_of
from mockehr.sites.finding import find_by_identifier

House = Any
PREVIEW = {"events": {"athena": {"practice": "195900"}}}
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
TOPIC = "https://api.platform.athenahealth.com/fhir/r4/SubscriptionTopic/Patient.create"
NEW = {"firstname": "Ann", "lastname": "Newhall", "dob": "01/02/1990", "departmentid": "2"}


@pytest.fixture
def site(house: Callable[..., House]) -> House:
    return house("athena", patients=2, settings=PREVIEW)


def subscription(practice: str = "195900", level: str = "id-only") -> dict[str, Any]:
    wanted = f"ah-practice=Organization/a-1.Practice-{practice}"
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "test",
        "criteria": TOPIC,
        "_criteria": {"extension": [{"url": BACKPORT + "backport-filter-criteria", "valueString": wanted}]},
        "channel": {
            "type": "rest-hook",
            "endpoint": "https://app.example.org/hook",
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": BACKPORT + "backport-payload-content", "valueCode": level}]},
        },
    }


def create(site: House, body: dict[str, Any], **headers: str) -> Any:
    return site.fhir("Subscription", "POST", body, content_type="application/json", x_hub_secret="s3cret", **headers)


@pytest.mark.behaviour("athena", "event-subscriptions", "event-search")
def test_a_topic_of_the_practice_is_subscribed_to_and_let_go(site: House) -> None:
    assert create(site, subscription("7")).status in (400, 422)
    assert create(site, subscription(level="full-resource")).status in (400, 422)
    made = create(site, subscription())
    assert made.status == 201, made.body
    id = orjson.loads(made.body)["id"]
    assert b"s3cret" not in site.fhir(f"Subscription/{id}").body
    found = site.read("Subscription")
    assert (found["total"], bool(found["id"])) == (1, True)
    assert found["entry"][0]["resource"]["id"] == id
    assert site.fhir(f"Subscription/{id}", "DELETE").status == 204
    assert site.read("Subscription")["total"] == 0


@pytest.mark.behaviour("athena", "event-scopes")
def test_subscriptions_need_scopes_of_their_own(house: Callable[..., House]) -> None:
    closed = house("athena", patients=1, open_access=False, settings=PREVIEW)
    assert create(closed, subscription(), authorization=closed.bearer("system/Patient.read")).status == 403
    write = closed.bearer("system/Subscription.write system/Subscription.read system/Patient.read")
    assert create(closed, subscription(), authorization=write).status == 201


@pytest.mark.behaviour("athena", "event-notification", "event-delivery")
def test_a_notification_tells_ids_and_counts_anew(site: House) -> None:
    assert create(site, subscription()).status == 201
    made = orjson.loads(site.ask("POST", "/v1/195900/patients", NEW).body)[0]["patientid"]
    (hook,) = site.site.outbox.hooks.values()
    assert hook.policy.timeout == 2.0
    assert hook.policy.within == 3600.0
    (delivery,) = [one for one in site.site.outbox.ready if one.events]
    bundle = orjson.loads(delivery.exchange.body)
    assert bundle["type"] == "history"
    status, audit = (one["resource"] for one in bundle["entry"])
    assert (status["resourceType"], status["eventsSinceSubscriptionStart"]) == ("SubscriptionStatus", "1")
    [event] = status["notificationEvent"]
    assert event["eventNumber"] == "1"
    assert event["focus"] == {
        "reference": f"Patient/a-195900.E-{made}",
        "identifier": {"system": "urn:athenahealth:athenanet:patient:195900", "value": made},
    }
    assert (audit["resourceType"], audit["id"]) == ("AuditEvent", event["id"])
    signed = hmac.new(b"s3cret", delivery.exchange.body, sha256).hexdigest()
    assert delivery.exchange.headers["x-hub-signature"] == f"sha256={signed}"


@pytest.mark.behaviour("athena", "bulk")
def test_a_group_is_exported_below_the_base(site: House) -> None:
    (group,) = site.site.charts.shared("Group")
    export = f"Group/{group.id}/$export"
    started = site.fhir(f"{export}?_type=Patient,Condition", prefer="respond-async")
    assert started.status == 202, started.body
    where = started.header("Content-Location")
    assert where.startswith(f"{site.base}/bulk/status/")
    site.site.clock.advance(3600)
    path = where.removeprefix("https://north.example.org")
    assert site.ask("GET", path).status == 200
    assert site.ask("DELETE", path).status == 202
    assert site.fhir("$export", prefer="respond-async").status in (404, 405)
    assert site.fhir("Patient/$export", prefer="respond-async").status in (404, 405)
    assert site.fhir(f"{export}?_typeFilter=Patient?gender=male", prefer="respond-async").status == 400


@pytest.mark.behaviour("athena", "rates-preview")
def test_the_preview_counts_by_the_second(house: Callable[..., House]) -> None:
    sandbox = house("athena", patients=1, fresh=1, environment="sandbox")
    assert sandbox.site.personality.tenant(sandbox.site.facts) == "195900"
    left = []
    for _ in range(3):
        reply = sandbox.fhir(f"Patient/{sandbox.patient(0)}")
        assert (reply.header("RateLimit-Limit"), reply.header("RateLimit-Reset")) == ("500", "1")
        left.append(int(reply.header("X-RateLimit-Remaining")))
    assert left == [499, 498, 497]
    for _ in range(497):
        assert sandbox.fhir(f"Patient/{sandbox.patient(0)}").status == 200
    assert sandbox.fhir(f"Patient/{sandbox.patient(0)}").status == 429
    sandbox.site.clock.advance(1)
    assert sandbox.fhir(f"Patient/{sandbox.patient(0)}").status == 200


@pytest.mark.behaviour("athena", "rates-production")
def test_production_counts_by_the_day_and_tokens_by_the_minute(house: Callable[..., House]) -> None:
    production = house("athena", patients=12, fresh=1, environment="production")
    first = production.fhir(f"Patient/{production.patient(0)}")
    assert (first.header("RateLimit-Limit"), first.header("RateLimit-Remaining")) == ("500000", "499999")
    assert int(first.header("RateLimit-Reset")) == 12 * 3600  # noon, to midnight GMT
    tokens = [production.ask("POST", "/oauth2/v1/token", {"grant_type": "x"}) for _ in range(51)]
    assert [one.status for one in tokens][-2:] == [400, 429]
    assert int(tokens[0].header("RateLimit-Reset")) == 60
    assert variance_of("athena").traits


PATIENT = {
    "resourceType": "Patient",
    "id": "a-195900.E-60178",
    "identifier": [
        {"system": "https://fhir.athena.io/sid/ah-patient", "value": "a-195900.E-60178"},
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "900112222"},
    ],
    "name": [{"use": "official", "family": "Doe", "given": ["Jo"]}],
    "birthDate": "1990-01-02",
    "gender": "male",
}


@pytest.mark.behaviour("athena", "hl7-msh", "hl7-pid", "hl7-evn")
def test_messages_have_the_traits_of_the_fixtures() -> None:
    octets = emit(Event("ADT^A31", 1_767_614_400.0, 183), [PATIENT], DIALECTS.get("athena"))
    message = Message(octets)
    assert [message.get(f"MSH-{field}") for field in (3, 9, 10, 12)] == [
        "ATHENANET",
        "ADT^A31",
        "183M195900",
        "2.3.1",
    ]
    assert message.get("MSH-4").startswith("195900^")
    assert message.get("MSH-7") == "202601051200"
    assert message.get("EVN-5") == "athenauser"
    assert [message.get(f"PID-{field}") for field in (1, 2, 3, 4, 21)] == ["", "60178", "60178", "60178", "ATHENA"]
    assert DIALECTS.get("athena").person_update == "A31"


def test_who_is_named_by_that_number_is_found(site: House) -> None:
    number = str(site.patient(1)).rpartition("-")[2]
    dialect = site.site.dialect
    head = "MSH|^~\\&|LAB|H1|ATHENANET|195900|20260105||ADT^A31|1|P|2.3.1\rEVN|A31|20260105\r"
    text = f"{head}PID||{number}|{number}|{number}|Doe^Jo\r"
    accepted = accept(Message(text.encode()), Context(1_767_614_400.0, dialect))
    (patient,) = (one for one in accepted.intents if isinstance(one, Upsert) and one.key == "patient")
    assert patient.match == (Key("https://fhir.athena.io/sid/ah-patient", number),)
    found = find_by_identifier(site.site, "Patient", patient.match)
    assert found is not None
    assert found.id == site.patient(1)
