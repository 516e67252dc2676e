"""ModMed's certified FHIR API over its pipeline. Sources: personalities/modmed/notes.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from tests.personalities.conftest import ROOT, House, body_of
from tests.personalities.rounds import dead_references, round_of
from tests.sites.browser import Browser, claims

from mockehr.auth.assertion import client_assertion
from mockehr.auth.keys import read_bundled_key
from mockehr.personalities.variance import variance_of
from mockehr.sites.test_client import register_demo_client

OF_NOBODY = dict.fromkeys(("Schedule", "Slot", "Task"), "")


@pytest.fixture(scope="module")
def firm(house: Callable[..., House]) -> House:
    return house("modmed")


def test_every_type_can_be_searched_and_read_and_no_reference_is_dead(firm: House) -> None:
    found: dict[str, dict[str, Any]] = {}
    for place in range(3):
        found |= round_of(firm, firm.patient(place), OF_NOBODY)
    assert len({key.partition("/")[0] for key in found}) > 14
    assert dead_references(firm, found) == set()
    for one in found.values():
        assert one["id"].isdigit()
        get_fhir_model_class(one["resourceType"]).model_validate(one)


@pytest.mark.behaviour("modmed", "certified-base", "software")
def test_the_statement_tells_its_port(firm: House) -> None:
    assert firm.site.fhir_path == "/fhir/r4"
    made = firm.read("metadata")
    assert (made["software"]["name"], made["software"]["version"]) == ("Fhir Server", "4.8.1_FINAL")
    assert made["implementation"]["url"] == "https://north.example.org:443/fhir/r4"


@pytest.mark.behaviour("modmed", "keycloak-below", "odd-discovery", "scopes-rs")
def test_a_keycloak_lies_below_the_base_and_tells_odd_things(firm: House) -> None:
    told = body_of(firm.ask("GET", "/fhir/r4/.well-known/smart-configuration"))
    realm = f"{ROOT}/fhir/r4/auth/realms/fhir/protocol/openid-connect"
    assert told["authorization_endpoint"] == f"{realm}/auth"
    assert told["token_endpoint"] == f"{realm}/token"
    assert told["token_endpoint_auth_methods_supported"] == ["client_secret_post"]
    odd = {
        "implicit",
        "password",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:openid:params:grant-type:ciba",
    }
    assert odd <= set(told["grant_types_supported"])
    assert "none" in told["response_types_supported"]
    about = [scope for scope in told["scopes_supported"] if "." in scope]
    assert "patient/Condition.rs" in about
    assert all(scope.endswith(".rs") for scope in about)


@pytest.mark.behaviour("modmed", "keycloak-below", "scopes-rs")
def test_an_app_gets_its_token_below_the_base() -> None:
    browser = Browser("modmed")
    made = browser.granted(scope="launch/patient openid fhirUser patient/Patient.rs patient/Goal.read")
    assert "patient/Patient.rs" in made["scope"]
    assert "patient/Goal.read" not in made["scope"]
    assert claims(made["access_token"])["exp"]
    reply = browser.read(f"Patient/{made['patient']}", made["access_token"]).reply
    assert reply is not None
    assert reply.status == 200


@pytest.mark.behaviour("modmed", "signed-from-2026")
def test_systems_can_sign_and_at_some_firms_must(house: Callable[..., House]) -> None:
    def asked(site: House, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        told = {"grant_type": "client_credentials", "scope": "system/Patient.rs"} | form
        reply = site.ask("POST", site.site.token_path, told)
        return reply.status, body_of(reply)

    def signed(site: House) -> dict[str, str]:
        at, key = site.site.clock.now(), read_bundled_key("client-1-RS384")
        made = client_assertion("demo", ROOT + site.site.token_path, key, now=at, jti="1")
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return {"client_assertion_type": kind, "client_assertion": made}

    site = house("modmed", 2, fresh=1)
    register_demo_client(site.site, "secretive", "system/Patient.rs", secret="s3cret")
    secret = {"client_id": "secretive", "client_secret": "s3cret"}
    status, told = asked(site, signed(site))
    assert (status, told["refresh_expires_in"], told["not-before-policy"]) == (200, 0, 0)
    assert asked(site, secret)[0] == 200
    [keys] = [one for one in variance_of("modmed").traits if one.name == "keys-only"]
    settings = {one.name: one.settings for one in keys.choices}
    assert settings["either"] == {}
    strict = house("modmed", 2, settings=settings["signed"])
    register_demo_client(strict.site, "secretive", "system/Patient.rs", secret="s3cret")
    assert asked(strict, secret)[0] in (400, 401)
    assert asked(strict, signed(strict))[0] == 200
    for one in (site, strict):
        told = body_of(one.ask("GET", "/fhir/r4/.well-known/smart-configuration"))
        assert told["token_endpoint_auth_methods_supported"] == ["client_secret_post"]  # whatever is wanted
