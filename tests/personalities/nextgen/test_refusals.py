"""How NextGen Enterprise says no, and the headers around it. Sources: personalities/nextgen/notes.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest

House = Any
Houses = Callable[..., House]


@pytest.fixture(scope="module")
def nextgen(house: Houses) -> House:
    return house("nextgen", 10)


def refused(house: House, target: str) -> tuple[int, list[dict[str, Any]]]:
    reply = house.fhir(target)
    outcome = orjson.loads(reply.body)
    assert outcome["resourceType"] == "OperationOutcome"
    return reply.status, outcome["issue"]


@pytest.mark.behaviour("nextgen", "no-issue-code", "denied-type", "care-plan-404", "observation-400")
@pytest.mark.parametrize(
    ("target", "status", "text"),
    [
        ("Account", 403, "Read access to 'Account' is denied by user"),
        ("Appointment?patient=x", 403, "Read access to 'Appointment' is denied by user"),
        ("Slot/1", 403, "Read access to 'Slot' is denied by user"),
        ("CarePlan?patient=x", 404, "Valid care plan category not present in search."),
        ("Observation?patient=x", 400, "Search for observation resource must have 'code' or 'category'."),
    ],
)
def test_issues_have_no_code(nextgen: House, target: str, status: int, text: str) -> None:
    assert refused(nextgen, target) == (status, [{"severity": "error", "diagnostics": text}])


@pytest.mark.behaviour("nextgen", "provenance-search", "trace")
def test_searching_provenance_was_never_written_and_shows_a_trace(nextgen: House) -> None:
    status, [first, second] = refused(nextgen, f"Provenance?patient={nextgen.patient()}")
    assert status == 400
    assert first["diagnostics"] == "NotImplementedException: The method or operation is not implemented."
    assert second["severity"] == "information"
    assert "NextGen.Api.Fhir.Engines.ProvenanceEngine." in second["diagnostics"]
    assert second["diagnostics"].splitlines()[0].endswith(":line 348")


@pytest.mark.behaviour("nextgen", "dead-organization")
def test_patients_refer_to_an_organization_that_cannot_be_read(nextgen: House) -> None:
    reference = nextgen.read(f"Patient/{nextgen.patient()}")["managingOrganization"]["reference"]
    assert reference == "Organization/0001"
    status, [first, second] = refused(nextgen, reference)
    assert status == 400
    assert first["diagnostics"] == "Error retreiving data from EHR. Ensure the search parameters are valid."
    assert "/src/src/NextGen.Api.Fhir.Data/Core/ApiClient.cs:line 92" in second["diagnostics"]


def test_a_token_without_the_scope_hears_the_same_words(house: Houses) -> None:
    locked = house("nextgen", 3, open_access=False)
    bearer = locked.bearer("system/Patient.rs")
    reply = locked.fhir("Coverage?patient=x", authorization=bearer)
    assert reply.status == 403
    assert orjson.loads(reply.body)["issue"][0]["diagnostics"] == "Read access to 'Coverage' is denied by user"
    assert locked.fhir("Patient", authorization=bearer).status == 200


@pytest.mark.behaviour("nextgen", "token-text")
def test_a_token_that_does_not_work_is_answered_with_a_text(house: Houses) -> None:
    reply = house("nextgen", 3, open_access=False).fhir("Patient/x", authorization="Bearer nobody's")
    assert (reply.status, reply.body) == (401, b"invalid access token")
    assert reply.header("content-type").startswith("text/plain")


@pytest.mark.behaviour("nextgen", "silent-quota", "quota-of-all")
def test_a_quota_that_is_used_up_is_an_empty_success_for_all_clients(house: Houses) -> None:
    budget = {"limit": 2, "window": 86400, "of": ["fhir", "proprietary"], "per": "site", "aligned": True, "wait": ""}
    site = house("nextgen", 3, settings={"rates": {"budgets": [budget]}})
    patient = site.patient()
    assert all(site.read(f"Patient/{patient}")["id"] == patient for _ in range(2))
    for target in (f"Patient/{patient}", "Coverage?patient=x", "Account"):
        reply = site.fhir(target, authorization="Bearer another")
        assert (reply.status, reply.body) == (200, b"")
        assert not reply.header("retry-after")
    native = site.ask("GET", "/nge/prod/nge-api/api/persons")
    assert (native.status, native.body) == (200, b"")
    site.site.clock.advance(86400)
    assert site.read(f"Patient/{patient}")["id"] == patient


@pytest.mark.behaviour("nextgen", "cloudfront", "remapped-server", "fhir-json")
def test_replies_carry_the_headers_of_a_content_network(nextgen: House) -> None:
    good, bad = nextgen.fhir(f"Patient/{nextgen.patient()}"), nextgen.fhir("Account")
    assert [one.header("X-Cache") for one in (good, bad)] == ["Miss from cloudfront", "Error from cloudfront"]
    for reply in (good, bad):
        assert reply.header("Server") == "CloudFront"
        assert reply.header("X-Amzn-Remapped-Server") == "Kestrel"
        assert reply.header("Cache-Control") == "no-store"
        assert re.fullmatch(r"\d+\.\d+\.\d+\.\d+", reply.header("Api-Version"))
        assert reply.header("Content-Type") == "application/fhir+json"
        assert reply.header("Via").endswith("cloudfront.net (CloudFront)")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", good.header("X-Request-Id"))
    assert good.header("X-Request-Id") != bad.header("X-Request-Id")
    assert nextgen.fhir("Patient", accept="application/fhir+xml").status == 406
