"""Twenty hospitals that run Epic: all work, and no two are alike. Sources: personalities/epic/variance.yaml."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from mockehr.auth.clients import Client
from mockehr.auth.scopes import Scopes
from mockehr.core.chance import Chance
from mockehr.personalities.load import load_personality
from mockehr.personalities.model import SiteFacts
from mockehr.personalities.variance import draw_site, variance_of

House = Any
SEEDS = range(20)


@pytest.fixture(scope="module")
def fleet(house: Callable[..., House]) -> list[House]:
    told = {"environment": "production", "variance": "realistic"}
    return [house("epic", patients=2, seed=seed, open_access=False, **told) for seed in SEEDS]


def told_by(reply: Any) -> dict[str, Any]:
    """A reply's JSON, in which production may have names in another character set."""
    return dict(json.loads(reply.body.decode("utf-8", "replace")))


def systems(node: Any) -> set[str]:
    """All identifier and code systems in a document."""
    if isinstance(node, list):
        return {one for part in node for one in systems(part)}
    if not isinstance(node, dict):
        return set()
    own = {node["system"]} if isinstance(node.get("system"), str) else set()
    return own | {one for part in node.values() for one in systems(part)}


@pytest.mark.behaviour("epic", "base-paths", "jwks-path", "last-slash", "all-registered", "opaque-tokens")
def test_every_house_tells_where_it_is_lets_in_and_answers(fleet: list[House]) -> None:
    for house in fleet:
        statement = house.read("metadata")
        assert statement["software"]["version"] == house.site.personality.settings["release"]["version"]
        told = house.site.drawn.choices["last-slash"] == "told"
        assert statement["implementation"]["url"] == house.base + ("/" if told else "")
        smart = house.read(".well-known/smart-configuration")
        root = house.base.partition("/api/")[0]
        assert smart["token_endpoint"] == f"{root}/oauth2/token"
        assert smart["authorization_endpoint"] == f"{root}/oauth2/authorize"
        if "jwks_uri" in smart:
            assert re.fullmatch(
                re.escape(root) + r"/api/epic/2019/Security/Open/PublicKeys/\d{6}/OIDC", smart["jwks_uri"]
            )
            assert house.ask("GET", smart["jwks_uri"].removeprefix("https://north.example.org")).status == 200
        house.site.auth.clients.add(Client("backend", Scopes.parse("system/*.rs"), secret="s3cret"))
        proof = {"client_id": "backend", "client_secret": "s3cret"}
        reply = house.ask("POST", house.site.token_path, {"grant_type": "client_credentials", **proof})
        made = told_by(reply)
        assert (reply.status, made["token_type"]) == (200, "Bearer"), house.site.drawn.choices
        assert (made["access_token"].count(".") == 2) == (house.site.drawn.choices["access-token"] == "jwt")
        bearer = {"authorization": f"Bearer {made['access_token']}"}
        patient = house.patient()
        assert told_by(house.fhir(f"Patient/{patient}", **bearer))["id"] == patient
        found = told_by(house.fhir(f"Condition?patient={patient}", **bearer))
        assert found["type"] == "searchset"


@pytest.mark.behaviour("epic", "instance-names", "multi-tenant-paths")
def test_instances_of_the_web_server_have_names_of_their_own(fleet: list[House]) -> None:
    paths = Counter(house.site.fhir_path for house in fleet)
    assert len(paths) >= 8
    shared = [path for path in paths if re.fullmatch(r"/(fhir|FHIRProxyPRD)/[A-Z]{3}/api/FHIR/R4", path)]
    assert shared
    names = {path.split("/")[1] for path in paths}
    shares = {name: one.share for name, one in trait("instance").items()}
    assert {"FHIRProxy", "FHIR"} <= names
    assert max(shares, key=lambda name: shares[name]) == "FHIRProxy"


@pytest.mark.behaviour("epic", "statement-shapes", "release-mix")
def test_most_houses_have_the_usual_statement_and_none_are_alike(fleet: list[House]) -> None:
    shapes = Counter()
    for house in fleet:
        resources = house.read("metadata")["rest"][0]["resource"]
        profiled = next((one["supportedProfile"][0] for one in resources if "supportedProfile" in one), "")
        shapes[tuple(one["type"] for one in resources), profiled.rpartition("|")[2], "4.0.1"] += 1
    (usual, count), *others = shapes.most_common()
    assert len(usual[0]) == 59
    assert 12 <= count <= 17
    assert len(others) >= 3
    assert len({tuple(house.site.drawn.choices.items()) for house in fleet}) == len(fleet)
    releases = Counter(house.site.drawn.choices["release"] for house in fleet)
    assert releases.most_common(1)[0][0] == "november-2025"
    shares = {name: one.share for name, one in trait("release").items()}
    assert (shares["november-2025"], shares["august-2025"], sum(shares.values())) == (293, 133, 554)


@pytest.mark.behaviour("epic", "oid-arcs")
def test_identifier_systems_are_each_houses_own(fleet: list[House]) -> None:
    arcs = Counter()
    for house in fleet:
        patient = told_by(house.fhir(f"Patient/{house.patient()}", authorization=house.bearer()))
        found = {one.split(".7.")[0] for one in systems(patient) if one.startswith("urn:oid:1.2.840.114350.1.13.")}
        assert len(found) == 1
        arcs.update(found)
    assert len(arcs) >= 18
    assert all(arc.endswith(".2") for arc in arcs)


def trait(name: str) -> dict[str, Any]:
    """The choices of a trait by name."""
    [found] = [one for one in variance_of("epic").traits if one.name == name]
    return {choice.name: choice for choice in found.choices}


def vendor(**settings: Any) -> Any:
    return load_personality("epic", settings, SiteFacts("north", Chance(5).key))


@pytest.mark.behaviour("epic", "statement-shapes", "version-4-0-0")
def test_rarer_statements_lack_profiles_types_or_a_new_version(house: Callable[..., House]) -> None:
    choices = trait("statement")
    assert choices["usual"].share / sum(one.share for one in choices.values()) == pytest.approx(426 / 554, abs=0.01)

    def told(name: str) -> dict[str, Any]:
        return dict(house("epic", patients=1, settings=dict(choices[name].settings)).read("metadata"))

    older = told("older")["rest"][0]["resource"]
    assert not any("supportedProfile" in one for one in older)
    assert not {one["type"] for one in older} & {"Claim", "Contract", "Media", "Account", "Appointment"}
    assert told("version-4-0-0")["fhirVersion"] == "4.0.0"
    bulk = told("without-bulk")
    assert not any("operation" in one for one in bulk["rest"][0]["resource"])


@pytest.mark.behaviour("epic", "grant-types-mix")
def test_configurations_differ_in_their_grant_types() -> None:
    choices = trait("smart-configuration")
    assert [one.share for one in choices.values()] == [507, 44, 7]

    def told(name: str) -> dict[str, Any]:
        made = vendor(**choices[name].settings)
        return dict(made.smart_configuration({"authorization_endpoint": "A"}, made.facts, "https://a.example.org"))

    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    assert exchange not in told("without-exchange")["grant_types_supported"]
    assert exchange in told("with-exchange")["grant_types_supported"]
    before = told("before-smart-2")
    assert "grant_types_supported" not in before
    assert "code_challenge_methods_supported" not in before
    assert not {"permission-v2", "authorize-post"} & set(before["capabilities"])


@pytest.mark.behaviour("epic", "path-case")
@pytest.mark.parametrize("choice", ["usual", "fhir-R4", "fhir-r4"])
def test_the_case_of_a_path_does_not_matter(house: Callable[..., House], choice: str) -> None:
    site = house("epic", patients=1, settings=dict(trait("path-case")[choice].settings))
    spellings = [site.base, site.base.lower().replace("north.example.org", "north.example.org"), site.base.upper()]
    for base in spellings:
        path = base[len("https://north.example.org") :]
        assert site.ask("GET", f"{path}/metadata").status == 200
    assert site.site.fhir_path.endswith({"usual": "api/FHIR/R4"}.get(choice, f"api/{choice.replace('-', '/')}"))


@pytest.mark.behaviour("epic", "sandbox-identity")
def test_a_sandbox_is_nobodys_and_masks_its_staff(house: Callable[..., House]) -> None:
    site = house("epic", patients=3, environment="sandbox")
    assert site.site.personality.oid_root == "1.2.840.114350.1.13.0.1.7"
    [name] = site.read("Practitioner?name=a")["entry"][0]["resource"]["name"]
    assert name["_family"]["extension"][0]["valueCode"] == "masked"
    found = site.read(f"DocumentReference?patient={site.patient()}")["entry"][0]["resource"]
    assert found["custodian"]["display"] == "FHIR Sandbox"


@pytest.mark.behaviour("epic", "production-grants")
def test_production_grants_fewer_types_and_has_dirty_charts() -> None:
    drawn = draw_site("epic", Chance(1).key, environment="production")
    made = vendor(**drawn.layers[0])
    kinds = set(made.settings["token"]["server"]["resource_types"])
    assert "Observation" in kinds
    assert not {"Claim", "MeasureReport", "Account"} & kinds
    assert "resource_types" not in vendor().settings["token"]["server"]
    assert {one["use"] for one in drawn.corruptions} == {"half-done-merges", "windows-1252-names"}
    assert made.settings["rates"]["budgets"]
    assert not vendor().settings["rates"]["budgets"]


@pytest.mark.behaviour("epic", "bridges-per-site")
def test_interfaces_differ_in_version_names_and_segments(house: Callable[..., House]) -> None:
    seen = set()
    for choice in trait("bridges").values():
        dialect = house("epic", patients=1, settings=dict(choice.settings)).site.dialect
        seen.add((dialect.version, dialect.sending_application, tuple(one.text[:3] for one in dialect.z_segments)))
    assert seen == {
        ("2.3", "EPIC", ("ZPD",)),
        ("2.5.1", "EpicCare", ("ZPD",)),
        ("2.8.1", "Primary", ()),
        ("2.3", "EPIC", ("ZPD", "ZPV")),
    }


@pytest.mark.behaviour("epic", "upgrade-by-customer")
def test_a_release_comes_on_the_customers_day(house: Callable[..., House]) -> None:
    early = house("epic", patients=1, settings={}, upgrade={"2026-Q3": "2026-01-05"})
    late = house("epic", patients=1, settings={}, upgrade={"2026-Q3": "2026-12-01"})
    assert early.read("metadata")["software"]["version"] == "August 2026"
    assert late.read("metadata")["software"]["version"] == "May 2026"
