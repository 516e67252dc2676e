"""Tokens, discovery and the CapabilityStatement of Veradigm's. Sources: personalities/veradigm/notes.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from tests.sites.browser import Browser, claims, document

House = Callable[..., Any]


def body(reply: Any) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(reply.body)
    return found


@pytest.mark.behaviour("veradigm", "patient-in-claims", "scope-array", "no-pkce-no-state")
def test_the_patient_is_told_by_claims_of_the_access_token_alone() -> None:
    browser = Browser("veradigm")
    asked = {"state": None, "code_challenge": None, "code_challenge_method": None}
    found = browser.finish(browser.begin(scope="launch/patient openid profile patient/*.read", **asked), "patient")
    assert "state" not in found
    given = document(browser.tokens(found["code"], code_verifier=None))
    assert "patient" not in given
    assert given["token_type"] == "Bearer"
    told = claims(given["access_token"])
    assert told["local_patient_id"] == browser.patient()
    assert told["global_patient_id"].endswith(browser.patient())
    assert told["fhir_api_id"]
    assert told["scope"] == given["scope"].split()
    assert told["idp"] == "local"
    assert told["amr"] == ["password"]
    assert told["preferred_username"] == "patient"
    assert "patient" not in told
    token = given["access_token"]
    assert document(browser.read(f"Patient/{told['local_patient_id']}", token))["id"] == browser.patient()
    other = browser.read(f"Patient/{browser.patient(1)}", token).reply
    assert other is not None
    assert other.status == 403


def test_a_systems_token_has_nothing_of_a_patient_or_user(house: House) -> None:
    told = claims(house("veradigm", 12, open_access=False).bearer("system/*.rs").removeprefix("Bearer "))
    assert told["scope"] == ["system/*.rs"]
    assert not {"local_patient_id", "global_patient_id", "idp", "preferred_username"} & set(told)


@pytest.mark.behaviour("veradigm", "no-cors-on-token")
def test_pages_of_other_origins_may_ask_fhir_but_not_for_a_token(house: House) -> None:
    site = house("veradigm", 12)
    told = {"origin": "https://app.example.org"}
    assert site.fhir("Patient", **told).header("access-control-allow-origin") == "*"
    form = {"grant_type": "client_credentials"}
    assert site.ask("POST", site.site.token_path, form, **told).header("access-control-allow-origin") == ""


@pytest.mark.behaviour("veradigm", "auth-methods-key", "odd-scopes")
def test_discovery_has_an_odd_key_and_odd_scopes(house: House) -> None:
    told = house("veradigm", 12).read(".well-known/smart-configuration")
    assert "token_endpoint_auth_methods_supported" not in told
    methods = told["token_endpoint_auth_methods"]
    assert "tls_client_auth" in methods
    assert len(methods) > len(set(methods))
    assert told["scopes_supported"].count("offline_access") == 2
    assert "fhir" in told["scopes_supported"]
    assert {"patient/Goal.read", "system/Condition.cu"} <= set(told["scopes_supported"])
    assert "user/Goal.write" not in told["scopes_supported"]


@pytest.mark.behaviour("veradigm", "statement-head", "statement-compartment")
def test_the_statement_names_the_product_and_its_compartment(house: House) -> None:
    told = house("veradigm", 12).read("metadata")
    assert told["name"] == "Veradigm FHIR Server R4 Implementation"
    assert told["software"]["name"] == "Veradigm FHIR"
    assert told["software"]["releaseDate"] == "2026-05-07"
    assert (told["version"], told["date"]) == ("4.0.1", "2022-05-01")
    assert "Release 3.1.1" in told["text"]["div"]
    assert [one.rpartition("/")[2] for one in told["rest"][0]["compartment"]] == ["patient"]


@pytest.mark.behaviour("veradigm", "statement-two-ids", "statement-includes", "statement-docref", "statement-chain")
def test_the_statement_has_odd_parameters_includes_and_operations(house: House) -> None:
    site = house("veradigm", 12)
    types = {one["type"]: one for one in site.read("metadata")["rest"][0]["resource"]}
    names = [one["name"] for one in types["Condition"]["searchParam"]]
    assert {"id", "_id", "patient.identifier"} <= set(names)
    assert "Patient:generalpractitioner" in types["Patient"]["searchInclude"]
    assert "CarePlan:activity.outcomereference.procedure" in types["CarePlan"]["searchInclude"]
    assert [one["name"] for one in types["DocumentReference"]["operation"]] == ["$docref"]
    mrn = site.read(f"Patient/{site.patient()}")["identifier"][0]["value"]
    found = site.read(f"Condition?patient.identifier={mrn}")
    assert {one["resource"]["subject"]["reference"] for one in found["entry"]} == {f"Patient/{site.patient()}"}


@pytest.mark.behaviour("veradigm", "bulk-system-only")
def test_exports_are_for_systems(house: House) -> None:
    closed = house("veradigm", 12, open_access=False)
    asked = {"prefer": "respond-async"}
    patient = closed.bearer("patient/*.rs", patient=closed.patient())
    assert closed.fhir("$export", authorization=patient, **asked).status == 403
    assert closed.fhir("$export", authorization=closed.bearer("system/*.rs"), **asked).status == 202
    assert closed.fhir("Patient/$export", authorization=closed.bearer("system/*.rs"), **asked).status == 404
