"""What Oracle Health takes from apps, and how. Sources: simulator/mockehr/personalities/oracle/notes.md."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.personalities.conftest import House, body_of

PATCH = "application/json-patch+json"


@pytest.fixture(scope="module")
def oracle(house: Callable[..., House]) -> House:
    return house("oracle", fresh=2)


def issue(reply: Any, status: int) -> dict[str, Any]:
    assert reply.status == status, (reply.status, reply.body)
    [found] = body_of(reply)["issue"]
    assert isinstance(found, dict)
    return found


def patched(house: House, target: str, *changes: dict[str, Any], etag: str = 'W/"0"') -> Any:
    return house.fhir(target, "PATCH", list(changes), content_type=PATCH, if_match=etag)


@pytest.mark.behaviour("oracle", "if-match-wanted", "create-empty-html", "first-version-zero")
def test_changes_want_the_version_that_they_change(oracle: House) -> None:
    sample = {
        "resourceType": "Condition", "code": {"text": "Pain"},
        "subject": {"reference": f"Patient/{oracle.patient(5)}"},
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category",
                                  "code": "problem-list-item"}]}],
    }  # fmt: skip
    made = oracle.fhir("Condition", "POST", sample)
    assert (made.status, made.body, made.content_type) == (201, b"", "text/html")
    assert made.header("Etag") == 'W/"0"'
    assert made.header("Last-Modified")
    id = made.header("Location").rpartition("/")[2]
    change = {**sample, "id": id, "code": {"text": "Worse"}}
    assert oracle.fhir(f"Condition/{id}", "PUT", change).status == 412
    changed = oracle.fhir(f"Condition/{id}", "PUT", change, if_match='W/"0"')
    assert (changed.status, changed.body, changed.header("Etag")) == (200, b"", 'W/"1"')
    assert oracle.fhir(f"Condition/{id}", "PUT", change, if_match='W/"0"').status == 409


@pytest.mark.behaviour("oracle", "no-if-none-exist")
def test_the_same_condition_can_be_written_twice(oracle: House) -> None:
    sample = {
        "resourceType": "Organization", "name": "Twice", "active": True,
        "identifier": [{"system": "urn:oid:1.2.3", "value": "twice"}],
    }  # fmt: skip
    first = oracle.fhir("Organization", "POST", sample, if_none_exist="name=Twice")
    second = oracle.fhir("Organization", "POST", sample, if_none_exist="name=Twice")
    assert (first.status, second.status) == (201, 201)
    assert first.header("Location") != second.header("Location")


@pytest.mark.behaviour("oracle", "version-forms")
def test_versions_are_written_as_their_type_has_them(oracle: House) -> None:
    patient = oracle.patient(4)
    coverage = oracle.read(f"Coverage?patient={patient}")["entry"][0]["resource"]
    assert coverage["meta"]["versionId"] == "0-0"
    read = oracle.fhir(f"Coverage/{coverage['id']}")
    assert read.header("Etag") == 'W/"0-0"'
    change = {"op": "replace", "path": "/subscriberId", "value": "7"}
    again = patched(oracle, f"Coverage/{coverage['id']}", change, etag='W/"0-0"')
    assert (again.status, again.header("Etag")) == (200, 'W/"1-1"')
    slot = shared_slot(oracle)
    etag = oracle.fhir(f"Slot/{slot['id']}").header("Etag")
    assert etag == 'W/"410v795030969834"'


def shared_slot(house: House) -> Any:
    assert house.site.charts is not None
    return house.site.charts.shared("Slot")[1].document


@pytest.mark.behaviour("oracle", "patch-paths", "modifiers-refused")
def test_a_patch_may_touch_only_some_paths(oracle: House) -> None:
    target = f"Patient/{oracle.patient(6)}"
    no = issue(patched(oracle, target, {"op": "replace", "path": "/active", "value": False}), 422)
    assert no["code"] == "business-rule"
    untested = {"op": "replace", "path": "/telecom/0/value", "value": "555-555-0100"}
    assert issue(patched(oracle, target, untested), 422)["code"] == "business-rule"
    point = oracle.read(target)["telecom"][0]["id"]
    test = {"op": "test", "path": "/telecom/0/id", "value": point}
    assert patched(oracle, target, test, untested).status == 200
    assert oracle.read(target)["telecom"][0]["value"] == "555-555-0100"
    slot = shared_slot(oracle)
    etag = oracle.fhir(f"Slot/{slot['id']}").header("Etag")
    start = {"op": "replace", "path": "/start", "value": "2031-01-01T00:00:00Z"}
    assert issue(patched(oracle, f"Slot/{slot['id']}", start, etag=etag), 422)["code"] == "business-rule"
    taken = {"op": "replace", "path": "/status", "value": "busy-tentative"}
    assert patched(oracle, f"Slot/{slot['id']}", taken, etag=etag).status == 200


@pytest.mark.behaviour("oracle", "modifiers-refused")
@pytest.mark.parametrize(
    ("element", "value", "code"),
    [
        ("modifierExtension", [{"url": "http://example.org/x", "valueBoolean": True}], "extension"),
        ("implicitRules", "http://example.org/rules", "not-supported"),
    ],
)
def test_what_changes_the_meaning_is_refused(oracle: House, element: str, value: Any, code: str) -> None:
    sample = {"resourceType": "Organization", "name": "X", element: value}
    assert issue(oracle.fhir("Organization", "POST", sample), 422)["code"] == code


def appointment(house: House, status: str = "accepted", reason: str = "cough") -> dict[str, Any]:
    who = {"actor": {"reference": f"Patient/{house.patient(2)}"}, "status": status}
    return {"resourceType": "Appointment", "status": "booked", "participant": [who], "reasonCode": [{"text": reason}]}


@pytest.mark.behaviour("oracle", "participants-accepted")
def test_participants_have_to_have_accepted(oracle: House) -> None:
    refused = oracle.fhir("Appointment", "POST", appointment(oracle, "needs-action"))
    assert issue(refused, 422)["code"] == "business-rule"
    assert oracle.fhir("Appointment", "POST", {**appointment(oracle), "status": "proposed"}).status == 201


@pytest.mark.behaviour("oracle", "long-reason")
def test_a_long_reason_is_a_bad_request(oracle: House) -> None:
    refused = oracle.fhir("Appointment", "POST", {**appointment(oracle, reason="x" * 256), "status": "proposed"})
    assert issue(refused, 400)["details"]["text"] == "Invalid request"
    enough = {**appointment(oracle, reason="x" * 255), "status": "proposed"}
    assert oracle.fhir("Appointment", "POST", enough).status == 201


@pytest.mark.behaviour("oracle", "xhtml-only")
@pytest.mark.parametrize(
    ("media", "text", "status", "words"),
    [
        ("application/pdf", "%PDF-1.4", 400, "Invalid request"),
        ("application/xhtml+xml", "<html><body><br></body></html>", 422, "Unprocessable entity"),
        ("application/xhtml+xml;charset=utf-8", "<html><body><p>well<br/></p></body></html>", 201, ""),
    ],
)
def test_documents_are_well_formed_xhtml(oracle: House, media: str, text: str, status: int, words: str) -> None:
    data = base64.b64encode(text.encode()).decode()
    sample = {
        "resourceType": "DocumentReference", "status": "current", "type": {"text": "Note"},
        "subject": {"reference": f"Patient/{oracle.patient(2)}"},
        "content": [{"attachment": {"contentType": media, "data": data}}],
    }  # fmt: skip
    reply = oracle.fhir("DocumentReference", "POST", sample)
    assert reply.status == status, reply.body
    if words:
        assert issue(reply, status)["details"]["text"] == words


@pytest.mark.behaviour("oracle", "charge-operations")
def test_charges_are_made_credited_and_modified_by_operations(oracle: House) -> None:
    subject = {"reference": f"Patient/{oracle.patient(2)}"}
    charge = {
        "resourceType": "ChargeItem", "status": "billable", "code": {"text": "x"}, "subject": subject,
        "quantity": {"value": 2},
    }  # fmt: skip
    made = oracle.fhir("ChargeItem/$create", "POST", charge)
    assert (made.status, made.body) == (201, b"")
    id = made.header("Location").rpartition("/")[2]
    assert oracle.read(f"ChargeItem/{id}")["quantity"] == {"value": 2}
    assert oracle.fhir("ChargeItem", "POST", charge).status >= 400
    credited = oracle.fhir(f"ChargeItem/{id}/$credit", "POST")
    assert credited.status == 201
    offset = oracle.read(credited.header("Location").removeprefix(oracle.base + "/"))
    assert any(one["valueReference"]["reference"] == f"ChargeItem/{id}" for one in offset["extension"])
    other = oracle.fhir(f"ChargeItem/{id}/$modify", "POST", {**charge, "quantity": {"value": 3}})
    assert oracle.read(other.header("Location").removeprefix(oracle.base + "/"))["quantity"] == {"value": 3}


@pytest.mark.behaviour("oracle", "ccd")
def test_a_continuity_of_care_document_is_made_when_asked_for(oracle: House) -> None:
    patient = oracle.patient()
    binary = oracle.read(f"Binary/$autogen-ccd-if?patient={patient}")
    assert (binary["resourceType"], binary["contentType"]) == ("Binary", "application/xml")
    inside = ElementTree.fromstring(base64.b64decode(binary["data"]))
    assert inside.tag == "{urn:hl7-org:v3}ClinicalDocument"
    name = oracle.read(f"Patient/{patient}")["name"][0]["family"]
    assert name in "".join(inside.itertext())
    plain = oracle.fhir(f"Binary/$autogen-ccd-if?patient={patient}", accept="application/xml")
    assert ElementTree.fromstring(plain.body).tag == inside.tag
    assert oracle.fhir("Binary/$autogen-ccd-if").status == 400
    assert oracle.fhir(f"Binary/$autogen-ccd-if?patient={patient}&start=2020-01-01").status == 400


@pytest.mark.behaviour("oracle", "docref")
def test_documents_are_also_found_by_operation(oracle: House) -> None:
    patient = oracle.patient()
    found = oracle.fhir(f"DocumentReference/$docref?patient={patient}")
    assert found.status == 200
    assert {one["resource"]["resourceType"] for one in body_of(found)["entry"]} == {"DocumentReference"}
    types = {one["type"]: one for one in oracle.read("metadata")["rest"][0]["resource"]}
    [told] = types["DocumentReference"]["operation"]
    assert told["name"] == "USCoreFetchDocumentReferences"
