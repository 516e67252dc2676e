"""healow's program for remote monitoring, both ways. Sources: personalities/ecw/notes.md, section Tracker."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from tests.events.changes import changed, delivered, outbox
from tests.personalities.conftest import House, body_of

from mockehr.core.clock import STEPPED_START, instant

SYSTEMS = "https://healow.com/fhir/tracker/"
ORDER = {
    "status": "active",
    "intent": "order",
    "authoredOn": instant(STEPPED_START - 60),
    "identifier": [{"system": f"{SYSTEMS}order", "value": "4711"}],
    "subject": {"reference": "Patient/p7"},
}
NEW = changed("DeviceRequest", ORDER, patient="p7")
BACK = changed("DeviceRequest", ORDER | {"status": "revoked"}, kind="update", before=ORDER, number=2)
TAKEN = {
    "resourceType": "Parameters",
    "parameter": [{"name": "order_number", "valueString": "4711"}, {"name": "status", "valueString": "received"}],
}


@pytest.mark.behaviour("ecw", "tracker-order", "tracker-systems")
def test_an_order_is_posted_as_a_collection_of_patient_and_request() -> None:
    sent = delivered("healow-tracker", NEW, payload="full").exchange
    assert (sent.method, sent.path) == ("POST", "/hook")
    bundle = json.loads(sent.body)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")
    patient, order = (one["resource"] for one in bundle["entry"])
    assert (patient["resourceType"], order["resourceType"]) == ("Patient", "DeviceRequest")
    assert patient["identifier"] == [{"system": f"{SYSTEMS}patient", "value": "p7"}]
    assert order["identifier"][0] == {"system": f"{SYSTEMS}order", "value": "4711"}


@pytest.mark.behaviour("ecw", "tracker-order")
@pytest.mark.parametrize(("answer", "taken"), [(TAKEN, True), ({"resourceType": "Parameters"}, False), ("x", False)])
def test_only_parameters_that_say_received_take_it(answer: Any, taken: bool) -> None:
    box, _ = outbox("healow-tracker", payload="full")
    box.hear(NEW)
    delivery = box.take()
    assert delivery is not None
    box.settle(delivery, 200, body=json.dumps(answer).encode())
    assert (box.delivered == 1) is taken


@pytest.mark.behaviour("ecw", "tracker-signature", "tracker-cancel")
def test_an_order_is_taken_back_by_delete_with_the_signature_of_nothing() -> None:
    new = delivered("healow-tracker", NEW, payload="full", secret="s3cret").exchange
    back = delivered("healow-tracker", BACK, payload="full", secret="s3cret").exchange
    assert (back.method, back.path, back.body) == ("DELETE", "/hook/4711", b"")
    for sent in (new, back):
        mark = base64.b64encode(hmac.new(b"s3cret", sent.body, sha256).digest()).decode()
        assert sent.headers["x-server-signature"] == mark
        assert sent.headers["x-client-id"] == "north"
    told = delivered("healow-tracker", NEW, payload="full", headers=(("x-client-id", "acme"),)).exchange
    assert told.headers["x-client-id"] == "acme"


@pytest.mark.behaviour("ecw", "tracker-cancel")
def test_after_an_hour_nobody_is_told_that_it_was_taken_back() -> None:
    for at, wanted in ((STEPPED_START + 3500, True), (STEPPED_START + 3600, False)):
        box, _ = outbox("healow-tracker", payload="full")
        box.hear(replace(BACK, at=at))
        assert (box.take() is not None) is wanted
    box, _ = outbox("healow-tracker", payload="full")
    box.hear(changed("Patient", {"birthDate": "1980-01-01"}))
    box.hear(changed("DeviceRequest", ORDER, kind="update", before=ORDER))
    assert box.take() is None


# what vendors of devices post


@pytest.fixture
def site(house: Callable[..., House]) -> House:
    return house("ecw", 2, open_access=False, fresh=1)


def post(site: House, path: str, body: Any, **headers: str) -> Any:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers.setdefault("authorization", site.bearer())
    return site.ask("POST", f"/fhir/tracker/{path}", None, octets, **headers)


def order(site: House) -> str:
    """The id of an order that the practice gave."""
    document = ORDER | {"resourceType": "DeviceRequest", "id": "order-1"}
    document |= {"subject": {"reference": f"Patient/{site.patient()}"}, "codeCodeableConcept": {"text": "scale"}}
    site.site.store.commit(document, kind="create", source="control", patient=site.patient())
    return "order-1"


@pytest.mark.behaviour("ecw", "tracker-posts")
def test_a_measurement_lands_in_the_chart(site: House) -> None:
    weight = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"identifier": {"system": f"{SYSTEMS}patient", "value": site.patient()}},
        "valueQuantity": {"value": 81.5, "unit": "kg"},
    }
    before = site.site.log.next_number()
    made = post(site, "Observation", weight)
    assert made.status == 201
    assert [one.resource_type for one in site.site.log.since(before - 1)] == ["Observation"]
    query = f"Observation?patient={site.patient()}&code=29463-7&_id={body_of(made)['id']}"
    found = site.read(query, authorization=site.bearer("system/Observation.rs"))
    assert [one["resource"]["valueQuantity"]["value"] for one in found["entry"]] == [81.5]


@pytest.mark.behaviour("ecw", "tracker-posts")
def test_news_of_an_order_change_its_status_or_note(site: House) -> None:
    id = order(site)

    def news(status: str, number: str = "4711") -> Any:
        parameters = [{"name": "order_number", "valueString": number}, {"name": "status", "valueString": status}]
        return post(site, "order/notifications", {"resourceType": "Parameters", "parameter": parameters})

    assert body_of(news("shipped"))["parameter"][1]["valueString"] == "received"
    assert news("completed").status == 200
    record = site.site.store.read("DeviceRequest", id)
    assert record is not None
    assert record.document["status"] == "completed"
    assert record.document["note"] == [{"text": "shipped"}]
    assert news("completed", "9").status == 404


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("Observation", b"{", 400),
        ("Observation", b"[]", 400),
        ("Observation", {"resourceType": "Patient"}, 400),
        ("Observation", {"resourceType": "Observation", "subject": {"reference": "Patient/x"}}, 404),
        ("Observation", {"resourceType": "Observation", "subject": [1]}, 404),
        ("order/notifications", {"resourceType": "Parameters", "parameter": {"a": 1}}, 400),
        ("order/notifications", {"resourceType": "Parameters", "parameter": [1]}, 400),
        ("order", {}, 404),
    ],
)
def test_bad_posts_are_refused_and_nothing_is_written(site: House, path: str, body: Any, status: int) -> None:
    reply = post(site, path, body)
    assert reply.status == status
    assert body_of(reply)["resourceType"] == "OperationOutcome"
    assert site.site.log.changes == []


def test_without_a_token_nothing_is_taken(site: House) -> None:
    assert post(site, "Observation", {}, authorization="Bearer x").status == 401
    assert site.ask("GET", "/fhir/tracker/Observation", authorization=site.bearer()).status == 405


def test_a_measurement_that_is_no_resource_is_refused(site: House) -> None:
    told = {"resourceType": "Observation", "subject": {"reference": f"Patient/{site.patient()}"}, "status": 7}
    assert 400 <= post(site, "Observation", told).status < 500
    assert site.site.log.changes == []
