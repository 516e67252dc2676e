"""A Practice Fusion site over its pipeline. Sources: personalities/practice_fusion/notes.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from fhir.resources.R4B import get_fhir_model_class
from tests.personalities.conftest import ROOT, House, body_of
from tests.personalities.rounds import dead_references, round_of
from tests.sites.browser import Browser, document

from mockehr.sites.test_client import register_demo_client

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
WELL_KNOWN = "/.well-known/smart-configuration"
ELSEWHERE = dict.fromkeys(("HealthcareService", "Schedule", "Slot", "Task", "Group"), "")


@pytest.fixture(scope="module")
def practice(house: Callable[..., House]) -> House:
    return house("practice_fusion")


def test_every_type_can_be_searched_and_read_and_no_reference_is_dead(practice: House) -> None:
    found: dict[str, dict[str, Any]] = {}
    for place in range(3):
        found |= round_of(practice, practice.patient(place), ELSEWHERE)
    assert len({key.partition("/")[0] for key in found}) > 15
    assert dead_references(practice, found) == set()
    for one in found.values():
        assert re.fullmatch(UUID, one["id"])
        get_fhir_model_class(one["resourceType"]).model_validate(one)


# where things are


@pytest.mark.behaviour("practice_fusion", "practice-base", "oauth-below", "smart-document")
def test_a_practice_has_its_uuid_and_lets_apps_in_below_the_base(practice: House) -> None:
    path = practice.site.fhir_path
    assert re.fullmatch(rf"/fhir/r4/v1/{UUID}", path)
    told = body_of(practice.ask("GET", path + WELL_KNOWN))
    assert told["issuer"] == practice.base
    assert told["authorization_endpoint"] == f"{practice.base}/authorize"
    assert told["token_endpoint"] == f"{practice.base}/token"
    assert told["introspection_endpoint"] == f"{practice.base}/introspect"
    assert told["jwks_uri"] == f"{practice.base}/.well-known/jwk"
    assert {"permission-v1", "permission-v2"} <= set(told["capabilities"])
    assert told["code_challenge_methods_supported"] == ["S256"]
    methods = set(told["token_endpoint_auth_methods_supported"])
    assert {"private_key_jwt", "client_secret_basic"} <= methods
    assert body_of(practice.ask("GET", f"{path}/.well-known/jwk"))["keys"]


@pytest.mark.behaviour("practice_fusion", "oauth-below")
def test_tokens_are_had_and_asked_about_below_the_base() -> None:
    browser = Browser("practice_fusion")
    made = browser.granted(scope="launch/patient patient/Patient.read")
    assert browser.read(f"Patient/{made['patient']}", made["access_token"]).reply.status == 200  # type: ignore[union-attr]
    register_demo_client(browser.site, "system", "system/Patient.read", secret="s3cret")
    asked = browser.post(
        browser.where.introspect, {"token": made["access_token"], "client_id": "system", "client_secret": "s3cret"}
    )
    assert document(asked)["active"] is True


@pytest.mark.behaviour("practice_fusion", "patient-base", "patient-issuer")
def test_patients_have_the_same_by_another_path_and_another_issuer(practice: House) -> None:
    tenant = practice.site.fhir_path.rpartition("/")[2]
    path = f"/fhir/fmh/r4/v1/{tenant}"
    target = f"Patient/{practice.patient()}"
    assert body_of(practice.ask("GET", f"{path}/{target}")) == practice.read(target)
    told = body_of(practice.ask("GET", path + WELL_KNOWN))
    assert told["issuer"] == f"{ROOT}/api/v1/practicefusion/{tenant}"
    assert told["token_endpoint"] == f"{practice.base}/token"


@pytest.mark.behaviour("practice_fusion", "kong")
def test_the_gateway_knows_no_other_practice(practice: House) -> None:
    for path in ("/fhir/r4/v1/00000000-0000-0000-0000-000000000000/Patient", "/fhir/dstu2", "/fhir"):
        reply = practice.ask("GET", path)
        assert reply.status == 404
        assert set(body_of(reply)) == {"message", "request_id"}
        assert re.fullmatch(r"[0-9a-f]{32}", body_of(reply)["request_id"])
    ids = {body_of(practice.ask("GET", "/fhir/x"))["request_id"] for _ in range(3)}
    assert len(ids) == 3


# the CapabilityStatement


@pytest.fixture(scope="module")
def statement(practice: House) -> dict[str, Any]:
    return practice.read("metadata")


@pytest.mark.behaviour("practice_fusion", "foreign")
def test_the_statement_is_of_a_kind_of_server_by_another_company(statement: dict[str, Any]) -> None:
    assert statement["name"] == "NXT API FHIR Capability Statement"
    assert statement["publisher"] == "MedicaSoft, LLC"
    assert statement["software"] == {"name": "NXT", "version": "1.0.0"}
    assert (statement["kind"], statement["date"], statement["format"]) == ("capability", "2025-06-12", ["json"])
    assert "implementation" not in statement


@pytest.mark.behaviour("practice_fusion", "foreign")
def test_there_is_no_xml(practice: House) -> None:
    assert practice.fhir(f"Patient/{practice.patient()}", accept="application/fhir+xml").status == 406


@pytest.mark.behaviour("practice_fusion", "forty-seven")
def test_47_types_are_read_45_searched_and_one_written(statement: dict[str, Any]) -> None:
    counts: dict[str, list[str]] = {}
    for one in statement["rest"][0]["resource"]:
        for told in one["interaction"]:
            counts.setdefault(told["code"], []).append(one["type"])
    assert (len(counts["read"]), len(counts["search-type"])) == (47, 45)
    assert (counts["create"], counts["update"]) == (["Group"], ["Group"])


@pytest.mark.behaviour("practice_fusion", "dotted-includes", "version-profiles", "certificates")
def test_includes_have_dots_and_profiles_a_version(statement: dict[str, Any]) -> None:
    types = {one["type"]: one for one in statement["rest"][0]["resource"]}
    assert "AllergyIntolerance.patient" in types["AllergyIntolerance"]["searchInclude"]
    assert {"Condition.cancerDiagnosis", "Condition.workspaceModuleTemplate"} <= set(
        types["Condition"]["searchInclude"]
    )
    for kind, one in types.items():
        assert one["profile"] == f"http://hl7.org/fhir/R4/StructureDefinition/{kind}"
        assert all(":" not in name for name in one.get("searchInclude", ()))
        for told in one.get("searchParam", ()):
            if told["name"] == "_id":
                assert told["definition"] == "http://hl7.org/fhir/SearchParameter/Resource-id"
    codings = [c["code"] for s in statement["rest"][0]["security"]["service"] for c in s["coding"]]
    assert codings == ["SMART-on-FHIR", "Certificates"]


# writes


@pytest.mark.behaviour("practice_fusion", "group-conditional")
def test_a_group_is_created_on_condition_and_updated_with_if_match(
    house: Callable[..., House], statement: dict[str, Any]
) -> None:
    (told,) = [one for one in statement["rest"][0]["resource"] if one["type"] == "Group"]
    assert told["conditionalCreate"] is True
    assert [one["name"] for one in told["operation"]] == ["export"]
    site = house("practice_fusion", 2, fresh=1)
    identifier = {"system": "urn:x", "value": "1"}
    group = {"resourceType": "Group", "type": "person", "actual": True, "identifier": [identifier]}
    condition = f"identifier={quote('urn:x|1', safe='')}"
    first = site.fhir("Group", "POST", group, if_none_exist=condition)
    again = site.fhir("Group", "POST", group, if_none_exist=condition)
    assert (first.status, again.status) == (201, 200)
    id = body_of(first)["id"]
    assert body_of(again)["id"] == id
    assert [one["resource"]["id"] for one in site.read(f"Group?{condition}")["entry"]] == [id]
    changed = group | {"id": id, "name": "Mine"}
    assert site.fhir(f"Group/{id}", "PUT", changed, if_match='W/"7"').status == 412
    assert site.fhir(f"Group/{id}", "PUT", changed, if_match=first.header("ETag")).status == 200
    assert site.read(f"Group/{id}")["name"] == "Mine"
    assert site.fhir("Patient", "POST", {"resourceType": "Patient"}).status == 405


# limits and the other API


@pytest.mark.behaviour("practice_fusion", "hidden-limit")
def test_the_limit_is_told_by_no_header(house: Callable[..., House]) -> None:
    site = house("practice_fusion", 2, environment="production", fresh=1)
    (limit,) = {one["limit"] for one in site.site.personality.settings["rates"]["budgets"]}
    target = f"Patient/{site.patient()}"
    statuses = [site.fhir(target).status for _ in range(limit + 1)]
    assert set(statuses[:-1]) == {200}
    assert statuses[-1] == 429
    headers = {name.lower() for name, _ in site.fhir(target).headers}
    assert not {name for name in headers if "retry" in name or "limit" in name}


def phr(site: House, query: str, method: str = "GET", **headers: str) -> Any:
    headers.setdefault("authorization", site.bearer("system/Patient.rs"))
    return site.ask(method, f"/phr/patient/v1{query}", **headers)


@pytest.mark.behaviour("practice_fusion", "many-choices", "named-bad-request")
def test_several_patients_are_300_and_no_criteria_are_a_bad_request_of_422(practice: House) -> None:
    patient = practice.read(f"Patient/{practice.patient()}")
    one = phr(practice, f"?identifier={patient['identifier'][0]['value']}")
    assert (one.status, body_of(one)["id"]) == (200, patient["id"])
    several = phr(practice, "?gender=female")
    assert several.status == 300
    assert len(body_of(several)["patients"]) > 1
    assert phr(practice, "?family=Nobodyhere").status == 404
    for query in ("", "?color=red", "?birthdate=x"):
        refused = phr(practice, query)
        assert (refused.status, body_of(refused)["title"]) == (422, "Bad Request")
    assert phr(practice, "/x").status == 404
    assert phr(practice, "", "POST").status == 405


def test_the_api_of_health_records_wants_a_token(house: Callable[..., House]) -> None:
    site = house("practice_fusion", 2, open_access=False)
    assert phr(site, "?gender=female", authorization="Bearer x").status == 401
    assert phr(site, "?gender=female").status in (200, 300, 404)
