"""What NextGen Enterprise says of itself, and its tokens. Sources: personalities/nextgen/notes.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

House = Any
Houses = Callable[..., House]
OAUTH = "/nge/prod/patient-oauth"


@pytest.fixture(scope="module")
def nextgen(house: Houses) -> House:
    return house("nextgen", 10)


@pytest.fixture(scope="module")
def statement(nextgen: House) -> dict[str, Any]:
    found: dict[str, Any] = nextgen.read("metadata")
    return found


@pytest.mark.behaviour("nextgen", "statement")
def test_the_statement_has_the_vendors_names(statement: dict[str, Any]) -> None:
    assert statement["name"] == "NextGen.Fhir"
    assert statement["software"] == {"name": "Nextgen FHIR Server", "version": "5.0.1.698"}
    assert statement["format"] == ["application/fhir+json"]
    assert statement["instantiates"] == ["http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server"]


@pytest.mark.behaviour("nextgen", "statement-types", "no-version-told", "reading-only")
def test_the_statement_tells_what_can_be_read_and_by_which_parameters(statement: dict[str, Any]) -> None:
    [rest] = statement["rest"]
    assert {"interaction", "operation"}.isdisjoint(rest)
    types = {one["type"]: one for one in rest["resource"]}
    assert len(types) == 28
    assert {"Binary", "Group"}.isdisjoint(types)
    assert {"Endpoint", "MedicationStatement", "Questionnaire"} <= types.keys()
    for one in types.values():
        assert {told["code"] for told in one["interaction"]} == {"read", "search-type"}
        assert (one["versioning"], one["readHistory"]) == ("no-version", False)
    names = [one["name"] for one in types["Observation"]["searchParam"]]
    assert names == ["_id", "patient", "category", "code", "date", "status", "_lastUpdated", "_maxresults"]
    assert types["Observation"]["searchParam"][-1]["type"] == "number"
    assert {"searchParam"}.isdisjoint(types["Provenance"].keys() | types["Questionnaire"].keys())
    assert (types["Coverage"]["updateCreate"], types["Patient"]["updateCreate"]) == (False, True)
    assert types["Patient"]["searchRevInclude"] == ["Provenance:target"]


def test_nothing_is_written_though_update_create_is_told(nextgen: House) -> None:
    reply = nextgen.fhir("Patient/x", "PUT", {"resourceType": "Patient", "id": "x"})
    assert reply.status == 405
    assert "code" not in orjson.loads(reply.body)["issue"][0]


@pytest.mark.behaviour("nextgen", "oauth-paths", "seven-scopes")
def test_discovery_has_the_vendors_keys_and_seven_scopes(nextgen: House) -> None:
    found = nextgen.read(".well-known/smart-configuration")
    assert list(found) == [
        "capabilities",
        "authorization_endpoint",
        "token_endpoint",
        "revocation_endpoint",
        "grant_types_supported",
        "code_challenge_methods_supported",
        "scopes_supported",
        "issuer",
        "jwks_uri",
    ]
    assert len(found["scopes_supported"]) == 7
    root = found["issuer"].removesuffix(OAUTH)
    assert found["authorization_endpoint"] == f"{root}{OAUTH}/authorize"
    assert found["token_endpoint"] == f"{root}{OAUTH}/token"
    assert found["revocation_endpoint"] == f"{root}{OAUTH}/token/revoke"
    assert found["jwks_uri"] == f"{root}/nge/prod/fhir-api-r4/.well-known/jwks.json"
    assert "keys" in orjson.loads(nextgen.ask("GET", "/nge/prod/fhir-api-r4/.well-known/jwks.json").body)


@pytest.mark.behaviour("nextgen", "refresh-48h")
def test_a_refresh_token_is_good_for_48_hours_after_its_last_use(nextgen: House) -> None:
    settings = nextgen.site.auth.settings
    assert (settings.refresh_lifetime, settings.refresh_slides) == (48 * 3600, True)


@pytest.mark.behaviour("nextgen", "no-token-cors")
def test_the_token_endpoint_tells_browsers_nothing(nextgen: House) -> None:
    token = nextgen.ask("POST", f"{OAUTH}/token", {"grant_type": "x"}, origin="https://app.example.org")
    fhir = nextgen.fhir("metadata", origin="https://app.example.org")
    assert not token.header("access-control-allow-origin")
    assert fhir.header("access-control-allow-origin")
