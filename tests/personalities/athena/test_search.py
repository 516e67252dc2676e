"""Searches at a site of athenahealth, its headers and its refusals. Sources: personalities/athena/notes.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest

House = Any
PREVIEW = {"events": {"athena": {"practice": "195900"}}}
PRACTICE = "ah-practice=Organization/a-1.Practice-195900"


@pytest.fixture(scope="module")
def site(house: Callable[..., House]) -> House:
    return house("athena", patients=12, settings=PREVIEW)


@pytest.fixture(scope="module")
def closed(house: Callable[..., House]) -> House:
    return house("athena", patients=3, open_access=False, settings=PREVIEW)


def body(reply: Any) -> Any:
    return orjson.loads(reply.body)


@pytest.mark.behaviour("athena", "no-total", "entry-self", "self-reordered", "unescaped-slash")
def test_a_searchset_has_no_total_and_links_of_its_own(site: House) -> None:
    bundle = site.read(f"Patient?_count=2&name=a&{PRACTICE}")
    assert {"total", "id"} & set(bundle) == set()
    assert bundle["timestamp"] == "2026-01-05T07:00:00.000-05:00"
    links = {one["relation"]: one["url"] for one in bundle["link"]}
    assert links["self"] == f"{site.base}/Patient?{PRACTICE}&name=a&_count=2"
    assert f"{PRACTICE}&cursor=a-195900.E-" in links["next"]
    for entry in bundle["entry"]:
        url = f"{site.base}/Patient/{entry['resource']['id']}"
        assert entry["fullUrl"] == url
        assert entry["link"] == [{"relation": "self", "url": url}]
        assert entry["search"] == {"mode": "match"}


@pytest.mark.behaviour("athena", "tenancy", "no-practice")
def test_a_search_that_does_not_say_whose_practice_is_refused(site: House, house: Callable[..., House]) -> None:
    text = (
        "Could not determine what practice the request was for. "
        "Add the `ah-practice` search parameter to your request."
    )
    for target in (
        "Patient?name=a",
        "Patient?_id=E-60178",
        "Organization?_id=a-1.Practice-195900",
        "Questionnaire?code=x",
    ):
        reply = site.fhir(target)
        assert (reply.status, body(reply)) == (400, {"details": text})
    for target in (
        f"Patient?name=a&{PRACTICE}",
        f"Patient?_id={site.patient(0)}",
        f"Encounter?patient=Patient/{site.patient(0)}",
    ):
        assert site.fhir(target).status == 200
    wrapped = house("athena", patients=2, settings={"errors": {"wrapped": True}})
    [issue] = wrapped.read("Patient?name=a")["issue"]
    assert issue["details"]["text"] == text


def test_another_practice_has_nothing_here(site: House) -> None:
    for other in (
        "ah-practice=Organization/a-1.Practice-7",
        f"{PRACTICE}&ah-chart-sharing-group=Organization/a-7.CSG-2",
    ):
        assert "entry" not in site.read(f"Patient?name=a&{other}")
    own = f"{PRACTICE}&ah-chart-sharing-group=Organization/a-195900.CSG-2"
    assert "entry" in site.read(f"Patient?name=a&{own}")


@pytest.mark.behaviour("athena", "missing-combination", "combinations")
def test_a_combination_that_is_missing_is_forbidden(site: House) -> None:
    reply = site.fhir(f"MedicationRequest?patient={site.patient(0)}")
    text = (
        "The search query could not be performed because one of the required parameter combinations "
        "[[patient,intent],[_id]] was not provided."
    )
    issue = {
        "details": {"text": text},
        "expression": ["patient,intent", "_id"],
        "severity": "fatal",
        "code": "forbidden",
    }
    assert reply.status == 403
    assert body(reply) == {"issue": [issue], "resourceType": "OperationOutcome"}


@pytest.mark.behaviour("athena", "combinations", "no-global")
@pytest.mark.parametrize(
    ("kind", "enough", "little"),
    [
        ("Patient", "family=a&birthdate=ge1900", "family=a"),
        ("Patient", "family=a&gender=male", "gender=male"),
        ("Patient", "family=a&given=b", "given=b"),
        ("Patient", "name=a", "birthdate=ge1900"),
        ("Patient", "identifier=a-195900.E-60178", "_lastUpdated=ge2000"),
        ("Encounter", "patient=a-195900.E-60178", "date=ge2000"),
        ("ServiceRequest", "_id=a-195900.ambulatoryorder-1", "status=active"),
        ("Condition", "encounter=a-195900.encounter-9", "category=x"),
        ("AllergyIntolerance", "patient=a-195900.E-60178", "_id=a-195900.pa-61"),
        ("Coverage", "patient=a-195900.E-60178", "_id=a-195900.coverage-5"),
        ("Provenance", "target=Immunization/a-195900.clinical-1", "patient=a-195900.E-60178"),
        ("Practitioner", "identifier=https://identity.athena.io/sid/athenanet-user|x", "name=x"),
        ("Organization", "_id=a-195900.CSG-1", "name=x"),
        ("Location", "_id=a-195900.Department-2", "name=x"),
        ("RelatedPerson", "patient=a-195900.E-60178", "name=x"),
        ("Appointment", "_id=a-195900.appointment-421", "patient=a-195900.E-60178"),
    ],
)
def test_each_type_has_its_combinations(site: House, kind: str, enough: str, little: str) -> None:
    assert site.fhir(f"{kind}?{enough}&{PRACTICE}").status == 200
    assert site.fhir(f"{kind}?{little}&{PRACTICE}").status == 403


@pytest.mark.behaviour("athena", "malformed-parameter")
@pytest.mark.parametrize(
    "wrong",
    [
        "ah-practice=a-1.Practice-195900",
        "ah-practice=Location/a-1.Practice-195900",
        "ah-practice:Organization=Organization/a-1.Practice-195900",
        f"{PRACTICE}&ah-department=a-195900.Department-2",
    ],
)
def test_whose_records_are_meant_is_told_by_an_organization_and_without_a_modifier(site: House, wrong: str) -> None:
    [entry] = site.read(f"Patient?name=a&{wrong}")["entry"]
    assert entry["search"] == {"mode": "outcome"}
    name, _, value = wrong.rpartition("&")[2].partition("=")
    text = f"The search parameter {name} with the value {value} could not be understood."
    assert entry["resource"]["issue"][0]["details"]["text"] == text


@pytest.mark.behaviour("athena", "post-search")
def test_searches_can_be_posted(site: House) -> None:
    form = {"_id": site.patient(1), "ah-practice": "Organization/a-1.Practice-195900"}
    found = body(site.ask("POST", "/fhir/r4/Patient/_search", form))
    assert [one["resource"]["id"] for one in found["entry"]] == [site.patient(1)]


@pytest.mark.behaviour("athena", "malformed-parameter")
def test_what_cannot_be_understood_is_an_outcome_that_was_found(site: House) -> None:
    reply = site.fhir("Patient?name=a&ah-practice:Organization=a-1.Practice-195900")
    assert reply.status == 200
    bundle = body(reply)
    assert bundle["type"] == "searchset"
    [entry] = bundle["entry"]
    assert entry["search"] == {"mode": "outcome"}
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", entry["fullUrl"])
    [issue] = entry["resource"]["issue"]
    assert (issue["severity"], issue["code"]) == ("error", "invalid")
    [entry] = site.read(f"Observation?patient={site.patient(0)}&date=junk")["entry"]
    assert entry["search"] == {"mode": "outcome"}


def test_a_patient_is_found_by_its_own_identifier_at_any_size(house: Callable[..., House]) -> None:
    large = house("athena", patients=100_000, settings=PREVIEW)
    id = large.patient(77_777)
    for value in (f"https://fhir.athena.io/sid/ah-patient|{id}", id):
        found = large.read(f"Patient?identifier={value}&{PRACTICE}")
        assert [one["resource"]["id"] for one in found["entry"]] == [id]


# headers


@pytest.mark.behaviour("athena", "rate-headers", "location-on-read", "last-modified", "request-id", "server-header")
def test_headers_of_every_answer(site: House) -> None:
    read, found = site.fhir(f"Patient/{site.patient(0)}"), site.fhir(f"Encounter?patient={site.patient(0)}")
    for reply in (read, found):
        for front in ("", "X-"):
            assert reply.header(f"{front}RateLimit-Limit") == "500"
            assert reply.header(f"{front}RateLimit-Remaining").isdigit()
        assert reply.header("RateLimit-Reset") == "1"
        assert re.fullmatch(r"rrt-\d{19}-d-gea1-\d+-\d+-1", reply.header("X-Request-Id"))
        assert reply.header("Server") == "Apache"
        assert reply.header("Cache-Control") == "no-cache, no-store, must-revalidate"
        assert reply.header("ETag") == ""
    assert read.header("X-Request-Id") != found.header("X-Request-Id")
    assert read.header("Location") == f"{site.base}/Patient/{site.patient(0)}"
    assert found.header("Location") == f"{site.base}/Encounter"
    assert read.header("Last-Modified").endswith(" GMT")
    assert site.fhir("Patient/x").header("Location") == ""


@pytest.mark.behaviour("athena", "mangled-hop")
def test_a_hop_header_arrives_mangled(site: House, house: Callable[..., House]) -> None:
    seen = set()
    for _ in range(12):
        reply = site.fhir(f"Patient/{site.patient(0)}")
        [name] = [name for name in ("Nncoection", "Cneonction") if reply.header(name) == "close"]
        seen.add(name)
    assert len(seen) == 2
    plain = house("athena", patients=2, settings={"gateway": {"mangled": False}})
    assert plain.fhir(f"Patient/{plain.patient(0)}").header("Nncoection") == ""


@pytest.mark.behaviour("athena", "content-type")
def test_there_is_one_content_type(site: House) -> None:
    for accept in ("application/json", "application/fhir+json", "*/*"):
        reply = site.fhir(f"Patient/{site.patient(0)}", accept=accept)
        assert reply.content_type == "application/fhir+json; charset=utf-8"
    assert site.fhir(f"Patient/{site.patient(0)}", accept="application/fhir+xml").status == 406


# refusals


@pytest.mark.behaviour("athena", "scope-error", "headers-403")
def test_a_token_without_the_scope_of_the_type(closed: House) -> None:
    token = closed.bearer("system/Patient.read")
    reply = closed.fhir(f"ServiceRequest?patient={closed.patient(0)}", authorization=token)
    issue = {
        "details": {"text": "Invalid Token Scope"},
        "expression": ["ServiceRequest"],
        "severity": "fatal",
        "code": "forbidden",
    }
    assert (reply.status, body(reply)) == (403, {"issue": [issue], "resourceType": "OperationOutcome"})
    assert reply.header("X-Athenanet-Practice-Id") == "195900"
    assert reply.header("X-Athena-Request-Id")


@pytest.mark.behaviour("athena", "missing-bearer")
def test_who_brings_no_token_is_an_inactive_developer(closed: House) -> None:
    for target in (f"Patient/{closed.patient(0)}", f"Encounter?patient={closed.patient(0)}"):
        reply = closed.fhir(target)
        assert (reply.status, reply.body) == (401, b"Developer Inactive")
    reply = closed.ask("GET", "/v1/195900/departments")
    assert (reply.status, reply.body) == (401, b"Developer Inactive")


@pytest.mark.behaviour("athena", "binary-system")
def test_a_binary_is_for_systems(closed: House) -> None:
    token = closed.bearer("patient/*.read", patient=closed.patient(0))
    refused = closed.fhir("Binary/a-195900.binary-1", authorization=token)
    assert (refused.status, body(refused)["issue"][0]["details"]["text"]) == (403, "Invalid Token Scope")
    allowed = closed.fhir("Binary/a-195900.binary-1", authorization=closed.bearer("system/Binary.read"))
    assert allowed.status == 404


@pytest.mark.behaviour("athena", "gateway-404")
def test_what_is_routed_nowhere(closed: House) -> None:
    for path in (
        "/openapi.json",
        "/swagger.json",
        "/api-docs",
        "/v1/openapi.json",
        "/v1/7/patients/1",
        "/v1/195900/x",
    ):
        token = closed.bearer("athena/service/Athenanet.MDP.*") if path.endswith("/x") else ""
        reply = closed.ask("GET", path, authorization=token)
        assert (reply.status, reply.body) == (404, b"Service not registered with API gateway.")
        assert reply.content_type == "application/json; charset=utf-8"
