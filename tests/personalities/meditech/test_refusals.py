"""How a MEDITECH site says no, and what it lets be written. Sources: personalities/meditech/notes.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from tests.personalities.conftest import House, body_of

Houses = Callable[..., House]
RESOURCE = "v1/resource/error/_version/1/"
SCOPES = "patient/*.read openid fhirUser offline_access launch/patient"


@pytest.fixture(scope="module")
def site(house: Houses) -> House:
    return house("meditech", 4)


@pytest.fixture(scope="module")
def locked(house: Houses) -> House:
    return house("meditech", 3, open_access=False)


@pytest.fixture
def fresh(house: Houses) -> House:
    return house("meditech", 2, fresh=1)


@pytest.mark.behaviour("meditech", "error-body", "unauthorized", "error-media")
def test_without_a_token_that_works_the_answer_is_two_members_that_are_no_fhir(locked: House) -> None:
    for headers in ({}, {"authorization": "Bearer nobody's"}):
        reply = locked.fhir(f"Patient/{locked.patient()}", **headers)
        assert reply.status == 401
        assert reply.body == orjson.dumps({"resource": RESOURCE, "detail": "Unauthorized"})
        assert reply.header("content-type") == "application/json; charset=utf-8"


@pytest.mark.behaviour("meditech", "forbidden-scopes", "error-media")
@pytest.mark.parametrize("kind", ["Communication", "QuestionnaireResponse"])
def test_a_token_of_too_few_scopes_hears_which_it_has(locked: House, kind: str) -> None:
    bearer = locked.bearer(SCOPES, patient=locked.patient())
    reply = locked.fhir(kind, "POST", {"resourceType": kind, "status": "completed"}, authorization=bearer)
    assert reply.status == 403
    told = "fhirUser, launch/patient, offline_access, openid, patient/*.read"
    detail = f"token with scopes [{told}] does not have access to the requested API"
    assert reply.body == orjson.dumps({"detail": detail, "resource": RESOURCE})
    assert reply.header("content-type") == "application/json; charset=utf-8"
    assert locked.fhir(f"Patient/{locked.patient()}", authorization=bearer).status == 200


@pytest.mark.behaviour("meditech", "error-body", "error-media")
@pytest.mark.parametrize(
    ("target", "status", "detail"),
    [
        ("Patient/nobody", 404, "Not Found"),
        ("Nonsense?_count=1", 404, "Not Found"),
        ("Patient/$nonsense", 404, "Not Found"),
        ("Communication/get-recipient-choices", 404, "Not Found"),
        ("Patient?birthdate=yesterday", 400, "Bad Request"),
        ("Provenance?target=x", 405, "Method Not Allowed"),
    ],
)
def test_errors_have_https_words_whatever_was_asked_for(site: House, target: str, status: int, detail: str) -> None:
    for accept in ("application/fhir+json", "application/fhir+xml"):
        reply = site.fhir(target, accept=accept)
        assert (reply.status, body_of(reply)) == (status, {"resource": RESOURCE, "detail": detail})
        assert reply.header("content-type") == "application/json; charset=utf-8"


@pytest.mark.behaviour("meditech", "tracing")
def test_every_answer_has_a_request_id_and_a_trace(site: House) -> None:
    replies = [site.fhir(target) for target in ("Patient/nobody", "metadata", f"Patient/{site.patient()}")]
    ids = [one.header("mtrestapi-requestid") for one in replies]
    traces = [one.header("traceparent") for one in replies]
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one) for one in ids)
    assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", one) for one in traces)
    assert len({*ids, *traces}) == 6


def test_what_is_read_has_neither_version_nor_time(site: House) -> None:
    reply = site.fhir(f"Patient/{site.patient()}")
    assert (reply.header("etag"), reply.header("last-modified")) == ("", "")


@pytest.mark.behaviour("meditech", "writes")
def test_messages_are_sent_and_answers_are_given_and_changed(fresh: House) -> None:
    patient = {"reference": f"Patient/{fresh.patient()}"}
    message = {"resourceType": "Communication", "status": "completed", "subject": patient}
    reply = fresh.fhir("Communication", "POST", message)
    assert reply.status == 201
    where = reply.header("location").removeprefix(f"{fresh.base}/")
    assert re.fullmatch(r"Communication/[0-9a-f-]{36}", where)
    assert fresh.read(where)["status"] == "completed"
    assert [one["resource"]["id"] for one in fresh.read(f"Communication?patient={fresh.patient()}")["entry"]] == [
        where.partition("/")[2]
    ]
    answers: dict[str, Any] = {"resourceType": "QuestionnaireResponse", "status": "in-progress", "subject": patient}
    made = fresh.fhir("QuestionnaireResponse", "POST", answers)
    id = body_of(made)["id"]
    assert "meta" not in body_of(made)
    done = fresh.fhir(f"QuestionnaireResponse/{id}", "PUT", {**answers, "id": id, "status": "completed"})
    assert done.status == 200
    assert fresh.read(f"QuestionnaireResponse?_id={id}")["entry"][0]["resource"]["status"] == "completed"


@pytest.mark.behaviour("meditech", "writes", "no-document-write", "scheduling")
def test_nothing_else_is_written(site: House) -> None:
    for kind, offered in site.site.fhir.types.items():
        written = offered & {"create", "update", "patch", "delete"}
        if kind == "QuestionnaireResponse":
            assert written == {"create", "update"}
        else:
            assert written == ({"create"} if kind == "Communication" else set())
    for kind in ("DocumentReference", "Observation", "Appointment"):
        reply = site.fhir(kind, "POST", {"resourceType": kind})
        assert (reply.status, body_of(reply)["detail"]) == (405, "Method Not Allowed")
    for target in ("Appointment/$book", "Slot", "Schedule"):
        assert site.fhir(target).status == 404
    assert site.read(f"Appointment?patient={site.patient()}")["total"] > 0
