"""Creating: ids of the server's own, what is refused, and conditional creates."""

from __future__ import annotations

from typing import Any

import pytest

OWN = "https://sync.example.org/ids"
PATIENT = {"resourceType": "Patient", "name": [{"family": "Muster"}], "identifier": [{"system": OWN, "value": "1"}]}


def test_a_create_is_stored_under_an_id_of_the_servers_own(made: Any, ask: Any) -> None:
    site = made()
    exchange = ask(site, "POST /Patient", {**PATIENT, "id": "mine"})
    assert (exchange.reply.status, list(exchange.changes)) == (201, [1])
    assert exchange.reply.header("location").endswith("/Patient/w1/_history/1")
    stored = site.store.read("Patient", "w1").document
    assert stored["meta"] == {"versionId": "1", "lastUpdated": "2026-01-05T12:00:00.000Z"}
    assert stored["name"] == PATIENT["name"]
    assert site.store.read("Patient", "mine") is None
    (change,) = site.log.changes
    assert (change.kind, change.source, change.entry) == ("create", "fhir", exchange.number)


def test_an_id_that_is_taken_is_passed_over(made: Any, ask: Any) -> None:
    site = made()
    site.store.commit({"resourceType": "Patient", "id": "w1"}, kind="create", source="control")
    assert ask(site, "POST /Patient", PATIENT).result.record.id == "w2"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b"{}", 422),
        (b'{"resourceType":"Observation"}', 422),
        (b'{"resourceType":"Patient","gender":5}', 422),
        (b'{"resourceType":"Patient","name":[{"family":"M\xfcller"}]}', 400),
    ],
)
def test_a_body_that_is_no_such_resource_is_refused_and_nothing_stored(
    made: Any, ask: Any, body: bytes, status: int
) -> None:
    site = made()
    exchange = ask(site, "POST /Patient", body)
    assert exchange.reply.status == status
    assert exchange.problem.kind == "body-invalid"
    assert not site.log.changes


@pytest.mark.parametrize(
    ("media", "status"), [("application/json", 201), ("application/fhir+json; charset=utf-8", 201), ("text/csv", 415)]
)
def test_only_json_and_xml_are_taken(made: Any, ask: Any, media: str, status: int) -> None:
    assert ask(made(), "POST /Patient", PATIENT, content_type=media).reply.status == status


def test_a_body_that_is_too_large_is_refused(made: Any, ask: Any) -> None:
    exchange = ask(made(), "POST /Patient", b" " * ((20 << 20) + 1))
    assert (exchange.reply.status, exchange.problem.kind) == (413, "body-invalid")


@pytest.mark.parametrize("query", [f"identifier={OWN}|1", f"Patient?identifier={OWN}|1", f"identifier={OWN}%7C1"])
def test_a_conditional_create_writes_once_and_then_gives_what_is_there(made: Any, ask: Any, query: str) -> None:
    site = made(patients=5)
    first = ask(site, "POST /Patient", PATIENT, if_none_exist=query)
    again = ask(site, "POST /Patient", PATIENT, if_none_exist=query)
    assert (first.reply.status, again.reply.status) == (201, 200)
    assert again.result.record is first.result.record
    assert (list(again.changes), list(again.returned)) == ([], ["Patient/w1"])
    assert len(site.log.changes) == 1


def test_a_conditional_create_that_fits_several_or_cannot_be_understood_is_refused(made: Any, ask: Any) -> None:
    site = made()
    for _ in range(2):
        ask(site, "POST /Patient", PATIENT)
    several = ask(site, "POST /Patient", PATIENT, if_none_exist=f"identifier={OWN}|1")
    assert (several.reply.status, several.problem.kind) == (412, "precondition-failed")
    unknown = ask(site, "POST /Patient", PATIENT, if_none_exist="nonsense=1")
    assert unknown.problem is not None
    assert 400 <= unknown.reply.status < 500
    assert len(site.log.changes) == 2


def test_what_was_deleted_does_not_keep_a_conditional_create_from_writing(made: Any, ask: Any) -> None:
    site = made()
    ask(site, "POST /Patient", PATIENT)
    site.store.commit(site.store.read("Patient", "w1").document, kind="delete", source="control")
    again = ask(site, "POST /Patient", PATIENT, if_none_exist=f"identifier={OWN}|1")
    assert (again.reply.status, again.result.record.id) == (201, "w2")


@pytest.mark.parametrize("kind", ["Patient", "Observation"])
@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_a_conditional_create_among_millions_looks_at_no_chart(made: Any, ask: Any, vendor: str, kind: str) -> None:
    site = made(vendor, patients=5_000_000)
    body = PATIENT if kind == "Patient" else OBSERVATION
    answers = [ask(site, f"POST /{kind}", body, if_none_exist=f"identifier={OWN}|1") for _ in range(2)]
    offered = site.fhir.settings.get("conditional_create", True)
    assert [answer.result.created for answer in answers] == [True, not offered]
    assert len(site.store.overlay(kind)) == (1 if offered else 2)
    assert not site.charts._cache
    assert not site.charts._patients


OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "Weight"},
    "identifier": [{"system": OWN, "value": "1"}],
}


def test_a_conditional_create_finds_identifiers_in_any_case_and_in_other_places(made: Any, ask: Any) -> None:
    site = made()
    ask(site, "POST /Patient", {"resourceType": "Patient", "identifier": [{"system": OWN, "value": "Abc"}]})
    again = ask(site, "POST /Patient", PATIENT, if_none_exist=f"identifier={OWN}|aBC")
    assert (again.reply.status, len(site.log.changes)) == (200, 1)
    note = {
        "resourceType": "DocumentReference",
        "status": "current",
        "masterIdentifier": {"system": OWN, "value": "M"},
        "content": [{"attachment": {"contentType": "text/plain", "data": "QUJD"}}],
    }
    told = [ask(site, "POST /DocumentReference", note, if_none_exist=f"identifier={OWN}|m") for _ in range(2)]
    assert [one.reply.status for one in told] == [201, 200]


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_what_a_conditional_create_finds_is_told_by_its_location(made: Any, ask: Any, vendor: str) -> None:
    site = made(vendor, settings={"write": {"conditional_create": True}})
    patient = {"resourceType": "Patient", "identifier": [{"system": "urn:x", "value": "7"}]}
    first, again = (ask(site, "POST /Patient", patient, if_none_exist="identifier=urn:x|7").reply for _ in range(2))
    assert (first.status, again.status) == (201, 200)
    assert again.header("Location") == first.header("Location") != ""


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_vendors_that_do_not_create_conditionally_make_another_one(made: Any, ask: Any, vendor: str) -> None:
    site = made(vendor)
    patient = {"resourceType": "Patient", "identifier": [{"system": "urn:x", "value": "7"}]}
    replies = [ask(site, "POST /Patient", patient, if_none_exist="identifier=urn:x|7").reply for _ in range(2)]
    assert [reply.status for reply in replies] == [201, 201]
    assert len(site.store.overlay("Patient")) == 2
