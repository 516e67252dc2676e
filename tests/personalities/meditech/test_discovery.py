"""Where a MEDITECH site is and what it says of itself. Sources: personalities/meditech/notes.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.personalities.conftest import ROOT, House, body_of

from mockehr.personalities.load import load_personality
from mockehr.personalities.variance import variance_of

Houses = Callable[..., House]
SMART = "/.well-known/smart-configuration"


@pytest.fixture(scope="module")
def site(house: Houses) -> House:
    return house("meditech", 10)


@pytest.fixture(scope="module")
def live(house: Houses) -> House:
    return house("meditech", 2, environment="production")


def choice(trait: str, name: str) -> dict[str, Any]:
    """The settings of one choice of a trait."""
    found = next(one for one in variance_of("meditech").traits if one.name == trait)
    return dict(next(one for one in found.choices if one.name == name).settings)


def share(trait: str, name: str) -> float:
    found = next(one for one in variance_of("meditech").traits if one.name == trait)
    told = {one.name: one.share for one in found.choices}
    return told[name] / sum(told.values())


def smart(house: House, path: str = "") -> dict[str, Any]:
    return body_of(house.ask("GET", path or house.site.fhir_path + SMART))


def types(statement: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["type"]: one for one in statement["rest"][0]["resource"]}


@pytest.mark.behaviour("meditech", "greenfield-path", "production-path", "stu7-path")
def test_greenfield_hospitals_and_newer_hospitals_have_bases_of_their_own(
    site: House, live: House, house: Houses
) -> None:
    assert site.site.fhir_path == "/v2/uscore/STU6"
    assert live.site.fhir_path == "/v1/uscore/R4"
    assert live.read("metadata")["url"] == f"{ROOT}/v1/uscore/R4/metadata"
    assert house("meditech", 1, settings=choice("release", "stu7")).site.fhir_path == "/v2/uscore/STU7"


@pytest.mark.behaviour("meditech", "oauth-at-root", "smart-at-root")
def test_oauth_is_at_the_root_of_the_host_and_so_is_its_discovery(site: House, live: House) -> None:
    for house in (site, live):
        there = smart(house)
        assert smart(house, SMART) == there
        for name in ("authorization", "token", "registration", "introspection", "revocation"):
            assert there[f"{name}_endpoint"].startswith(f"{ROOT}/oauth/"), name


@pytest.mark.behaviour("meditech", "smart-keys", "grants-told")
def test_discovery_has_the_vendors_keys_in_its_order(site: House) -> None:
    told = smart(site)
    assert list(told) == [
        *("issuer", "jwks_uri", "authorization_endpoint", "grant_types_supported", "token_endpoint"),
        *("token_endpoint_auth_methods_supported", "response_types_supported", "introspection_endpoint"),
        *("revocation_endpoint", "registration_endpoint", "scopes_supported", "capabilities"),
        "code_challenge_methods_supported",
    ]
    assert told["issuer"] == f"{ROOT}/"
    assert told["grant_types_supported"] == ["authorization_code", "client_credentials", "refresh_token"]


@pytest.mark.behaviour("meditech", "scopes-listed", "no-scopes", "management-told")
def test_scopes_are_listed_by_hundreds_or_not_at_all(site: House, live: House, house: Houses) -> None:
    scopes = smart(site)["scopes_supported"]
    assert len(scopes) == len(set(scopes)) == 566
    internal = [one for one in scopes if one.startswith(("infr-", "iops-", "infrastructure"))]
    assert 150 < len(internal) < 180
    assert (
        "patient/Observation.crus?category=http://terminology.hl7.org/CodeSystem/observation-category|survey"
        in scopes
    )
    assert "management_endpoint" not in smart(site)
    assert smart(live)["management_endpoint"].startswith(ROOT)
    silent = house("meditech", 1, settings=choice("scopes", "none"))
    assert smart(silent)["scopes_supported"] == []
    assert share("scopes", "none") == pytest.approx(22 / 336)


@pytest.mark.behaviour("meditech", "kind-capability", "greenfield-release", "production-release", "short-version")
def test_the_statement_is_of_a_kind_that_there_is_not_and_of_a_release(
    site: House, live: House, house: Houses
) -> None:
    told = site.read("metadata")
    assert (told["kind"], told["name"], told["format"]) == ("capability", "uscore", ["json", "xml"])
    release = {"name": "Interoperability Services: US Core STU6 FHIR R4", "version": "2.0.0"}
    assert (told["software"], told["date"], told["version"]) == (release, "2023-05-25", "2.0.0")
    assert told["copyright"] == "Copyright © 2018 Medical Information Technology, Inc."
    before = live.read("metadata")
    release = {"name": "Interoperability Services: US Core FHIR R4", "version": "1.0.0"}
    assert (before["software"], before["date"], before["kind"]) == (release, "2021-04-01", "capability")
    short = house("meditech", 1, settings=choice("release", "r4-two-digits")).read("metadata")
    assert short["software"]["version"] == "1.0"
    assert share("release", "r4-two-digits") * 349 == pytest.approx(11)


@pytest.mark.behaviour("meditech", "greenfield-parameters", "fewer-parameters", "include-dot", "include-colon")
def test_hospitals_tell_fewer_parameters_and_includes_in_two_ways(site: House, live: House, house: Houses) -> None:
    told, before = types(site.read("metadata")), types(live.read("metadata"))
    names = {kind: [one["name"] for one in row.get("searchParam", ())] for kind, row in told.items()}
    assert {"exact", "pn", "mr", "ptId", "ptSource", "_count", "continue"} <= set(names["Patient"])
    paged = [kind for kind, row in told.items() if "continue" in names[kind]]
    assert len(paged) == 21
    fewer = [k for k, row in before.items() if any(one["name"] == "continue" for one in row.get("searchParam", ()))]
    assert sorted(fewer) == ["DiagnosticReport", "Observation", "Procedure"]
    assert "Encounter.account" in told["Encounter"]["searchInclude"]
    colon = house("meditech", 1, settings=choice("includes", "colon")).read("metadata")
    assert "Encounter:account" in types(colon)["Encounter"]["searchInclude"]


@pytest.mark.behaviour("meditech", "greenfield-operations")
def test_operations_are_told_and_answer(site: House) -> None:
    told = types(site.read("metadata"))
    named = {(kind, one["name"]) for kind, row in told.items() for one in row.get("operation", ())}
    assert named == {
        *(("Patient", name) for name in ("everything", "export")),
        ("Group", "export"),
        ("DocumentReference", "docref"),
        ("ValueSet", "expand"),
        ("Communication", "get-recipient-choices"),
    }
    patient = site.patient()
    everything = site.read(f"Patient/{patient}/$everything")
    assert {"Patient", "Observation", "CareTeam"} <= {one["resource"]["resourceType"] for one in everything["entry"]}
    assert all(list(one["resource"])[-1] == "resourceType" for one in everything["entry"])
    assert site.fhir(f"DocumentReference/$docref?patient={patient}").status == 200
    assert site.fhir("ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender").status == 200
    assert site.fhir("Patient/$export", prefer="respond-async").status == 202
    group = site.read("Group")["entry"][0]["resource"]["id"]
    assert site.fhir(f"Group/{group}/$export", prefer="respond-async").status == 202
    assert site.fhir("$export", prefer="respond-async").status == 404


def test_every_type_offered_is_told_with_what_it_offers(site: House) -> None:
    told = types(site.read("metadata"))
    codes = {"read": "read", "search": "search-type", "create": "create", "update": "update"}
    for kind in told:
        offered = {codes[name] for name in site.site.personality.offers(kind)}
        assert {one["code"] for one in told[kind]["interaction"]} == offered, kind
    assert len(told) == len(load_personality("meditech").settings["interactions"]["resources"]) == 33


@pytest.mark.behaviour("meditech", "statement")
def test_the_statement_has_the_shape_that_was_recorded(site: House, shared_data: Any) -> None:
    found = json.loads((shared_data / "recorded" / "meditech" / "CapabilityStatement-2026-04-27.json").read_text())
    recorded, told = found.get("body", found), site.read("metadata")
    assert list(told) == list(recorded)
    assert told["rest"][0]["security"]["service"] == recorded["rest"][0]["security"]["service"]
    [uris], [others] = (one["rest"][0]["security"]["extension"] for one in (told, recorded))
    assert [one["url"] for one in uris["extension"]] == [one["url"] for one in others["extension"]]
    assert list(types(told)) == list(types(recorded))
    for kind, row in types(recorded).items():
        own = types(told)[kind]
        assert set(own) == set(row), kind
        for name in ("supportedProfile", "searchInclude", "searchRevInclude"):
            assert own.get(name) == row.get(name), (kind, name)
        for name in ("interaction", "operation"):
            key = "code" if name == "interaction" else "name"
            assert {one[key] for one in own.get(name, ())} == {one[key] for one in row.get(name, ())}, (kind, name)
        theirs = [(one["name"], one["type"]) for one in row.get("searchParam", ())]
        assert [(one["name"], one["type"]) for one in own.get("searchParam", ())] == theirs, kind


def test_discovery_lists_what_was_recorded(site: House, shared_data: Any) -> None:
    name = "smart-configuration-greenfield-STU6-2026-04-27.json"
    found = json.loads((shared_data / "recorded" / "meditech" / name).read_text())
    recorded, told = found.get("body", found), smart(site)
    assert list(told) == list(recorded)
    for key, value in recorded.items():
        if key == "scopes_supported":
            assert set(told[key]) == set(value)
        elif isinstance(value, list):
            assert told[key] == value, key
        else:
            assert told[key].removeprefix(ROOT) == value.removeprefix("https://greenfield-prod-apis.meditech.com"), (
                key
            )
