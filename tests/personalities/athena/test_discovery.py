"""What a site of athenahealth says of itself. Sources: personalities/athena/notes.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

House = Any
PREVIEW = {"events": {"athena": {"practice": "195900"}}}
ROOT = "https://north.example.org"


@pytest.fixture(scope="module")
def site(house: Callable[..., House]) -> House:
    return house("athena", patients=12, settings=PREVIEW)


@pytest.fixture(scope="module")
def statement(site: House) -> dict[str, Any]:
    found: dict[str, Any] = site.read("metadata")
    return found


@pytest.fixture(scope="module")
def types(statement: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["type"]: one for one in statement["rest"][0]["resource"]}


@pytest.mark.behaviour("athena", "one-base", "statement-head", "statement-both")
def test_the_head_of_the_statement(site: House, statement: dict[str, Any]) -> None:
    assert site.base == ROOT + "/fhir/r4"
    told = {name: statement[name] for name in ("id", "url", "version", "date", "kind", "software", "format")}
    assert told == {
        "id": "ah-r4-base",
        "url": "https://fhir.athena.io/CapabilityStatement/ah-r4-base",
        "version": "2.0.0",
        "date": "2022-06-06",
        "kind": "instance",
        "software": {"name": "athenahealth FHIR Server"},
        "format": ["json", "application/json", "application/json+fhir", "application/fhir+json"],
    }
    assert statement["implementation"]["url"] == site.base
    assert [one.rpartition("/")[2] for one in statement["instantiates"]] == [
        "us-core-server|3.1.1",
        "us-core-server|6.1.0",
        "bulk-data|1.0.1",
        "bulk-data|2.0.0",
    ]


@pytest.mark.behaviour("athena", "oauth-uris-twice")
def test_the_addresses_stand_there_twice(statement: dict[str, Any]) -> None:
    security = statement["rest"][0]["security"]
    first, second = security["extension"]
    assert first["url"] == "http://DSTU2/fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    assert second["url"] == "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    assert first["extension"] == second["extension"]
    assert {one["url"]: one["valueUri"] for one in first["extension"]} == {
        name: f"{ROOT}/oauth2/v1/{name}" for name in ("authorize", "token", "introspect", "revoke")
    }
    assert security["cors"] is True
    assert [one["coding"][0]["code"] for one in security["service"]] == ["OAuth", "SMART-on-FHIR"]


@pytest.mark.behaviour("athena", "doubled-interactions", "only-create", "no-subscription-told")
def test_interactions_of_the_statement(types: dict[str, dict[str, Any]]) -> None:
    codes = {kind: [one["code"] for one in told.get("interaction", ())] for kind, told in types.items()}
    assert codes["ServiceRequest"] == ["read", "search-type", "read", "search-type"]
    assert codes["Patient"] == ["read", "search-type"]
    assert [kind for kind, told in codes.items() if "create" in told] == ["QuestionnaireResponse"]
    assert {code for told in codes.values() for code in told} == {"read", "search-type", "create"}
    assert "Subscription" not in types


@pytest.mark.behaviour("athena", "own-parameters", "required-parameters")
def test_parameters_and_what_is_required_of_them(statement: dict[str, Any], types: dict[str, dict[str, Any]]) -> None:
    assert [one["name"] for one in statement["rest"][0]["searchParam"]] == ["ah-practice", "_security"]
    named = {one["name"]: one for one in types["Observation"]["searchParam"]}
    assert {"cursor", "_count", "_lastUpdated", "ah-chart-sharing-group", "ah-practice"} <= named.keys()
    assert named["ah-practice"]["definition"] == "https://fhir.athena.io/SearchParameter/ah-practice"
    assert named["ah-practice"]["type"] == "reference"
    assert "ah-redact-inline-security" in {one["name"] for one in types["Condition"]["searchParam"]}
    assert types["Observation"]["searchRevInclude"] == ["Provenance:target"]
    [told] = types["MedicationRequest"]["extension"]
    assert told["url"] == "https://fhir.athena.io/StructureDefinition/ah-search-parameter-metadata"
    assert [one["valueString"] for one in told["extension"]] == ["patient, intent", "_id"]


@pytest.mark.behaviour("athena", "statement-operations")
def test_operations_of_the_statement(types: dict[str, dict[str, Any]]) -> None:
    told = {kind: [one["name"] for one in each.get("operation", ())] for kind, each in types.items()}
    assert {kind: names for kind, names in told.items() if names} == {
        "Appointment": ["self-checkin-entry-url", "telehealth-zoom-credentials"],
        "Group": ["export"],
        "MeasureReport": ["submit-care-gaps"],
        "FamilyMemberHistory": ["batch-write"],
        "Patient": ["health-cards-issue"],
        "QuestionnaireResponse": ["latest-response-by-questionnaire"],
    }


@pytest.mark.behaviour("athena", "smart-issuer", "smart-methods", "no-openid-at-base")
def test_discovery_names_an_issuer_elsewhere_and_its_methods_twice(site: House) -> None:
    found = site.read(".well-known/smart-configuration")
    assert found["token_endpoint"] == ROOT + "/oauth2/v1/token"
    assert found["authorization_endpoint"] == ROOT + "/oauth2/v1/authorize"
    assert not found["token_endpoint"].startswith(found["issuer"])
    assert found["grant_types_supported"] == ["authorization_code", "client_credentials"]
    methods = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"]
    assert found["token_endpoint_auth_methods_supported"] == found["token_endpoint_auth_methods"] == methods
    assert {"permission-v1", "permission-v2", "context-banner", "context-style", "health-cards"} <= set(
        found["capabilities"]
    )
    assert site.site.endpoints.channel("/.well-known/openid-configuration") is None


def test_what_is_offered_is_what_the_statement_says_but_subscriptions(
    site: House, types: dict[str, dict[str, Any]]
) -> None:
    offered = {kind: site.site.personality.offers(kind) for kind in types}
    codes = {
        kind: {one["code"].removesuffix("-type") for one in told.get("interaction", ())}
        for kind, told in types.items()
    }
    assert {kind: set(found) for kind, found in offered.items()} == codes
