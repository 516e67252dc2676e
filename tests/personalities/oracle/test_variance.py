"""How sites of Oracle Health's differ. Sources: simulator/mockehr/personalities/oracle/variance.yaml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.personalities.conftest import ROOT, House

from mockehr.core.chance import Chance
from mockehr.personalities.variance import draw_site, variance_of
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions

TRAITS = {trait.name: {one.name: one for one in trait.choices} for trait in variance_of("oracle").traits}


def settings(trait: str, choice: str) -> Any:
    return TRAITS[trait][choice].settings


def types_of(found: House) -> set[str]:
    return {one["type"] for one in found.read("metadata")["rest"][0]["resource"]}


@pytest.mark.parametrize("environment", ["sandbox", "production"])
def test_sites_as_drawn_answer_and_differ(environment: str) -> None:
    statements, tenants = set(), set()
    for seed in range(10):
        options = SiteOptions(
            f"s{seed}", "oracle", patients=2, seed=seed, stepped=True, open_access=True,
            environment=environment, variance="realistic",
        )  # fmt: skip
        found = House(build_site(options))
        statement = found.read("metadata")
        assert statement["resourceType"] == "CapabilityStatement"
        patient = found.fhir(f"Patient?_id={found.patient()}")
        assert patient.status == 200
        told = found.site.smart_configuration(found.base)
        told_too = (len(types_of(found)), str(told["code_challenge_methods_supported"]), statement["name"])
        shown = found.read(f"Encounter?patient={found.patient()}").get("entry", [{}])[0].get("resource", {})
        system = str(shown.get("identifier", [{}])[0].get("system", ""))
        statements.add((*told_too, system, told["authorization_endpoint"].split("personas/")[1]))
        tenants.add(found.base)
    assert len(tenants) == 10
    assert len(statements) >= 5


@pytest.mark.behaviour("oracle", "two-tiers")
def test_patients_have_a_host_of_their_own_with_fewer_types(house: Callable[..., House]) -> None:
    provider, patient = house("oracle"), house("oracle", patients=2, settings=settings("tier", "patient"))
    assert types_of(provider) - types_of(patient) == {"Account", "Basic", "ChargeItem", "Communication"}
    told, other = (one.site.smart_configuration(one.base) for one in (provider, patient))
    assert "/personas/provider/authorize" in told["authorization_endpoint"]
    assert "/personas/patient/authorize" in other["authorization_endpoint"]
    assert set(told["capabilities"]) - set(other["capabilities"]) == {"context-ehr-encounter"}
    assert set(other["capabilities"]) - set(told["capabilities"]) == {"context-standalone-patient"}
    assert "launch/patient" in other["scopes_supported"]
    assert "launch/patient" not in told["scopes_supported"]
    assert patient.site.addresses(patient.base).authorize == other["authorization_endpoint"]
    drawn = Counter(
        draw_site("oracle", Chance(seed).key, variance="realistic").choices["tier"] for seed in range(400)
    )
    assert 160 < drawn["patient"] < 240


@pytest.mark.behaviour("oracle", "pkce-told")
def test_some_tell_no_code_challenge(house: Callable[..., House]) -> None:
    untold = house("oracle", patients=1, settings=settings("code-challenge", "untold"))
    assert untold.site.smart_configuration(untold.base)["code_challenge_methods_supported"] == []
    told = house("oracle")
    assert told.site.smart_configuration(told.base)["code_challenge_methods_supported"] == ["S256"]
    shares = {name: one.share for name, one in TRAITS["code-challenge"].items()}
    assert shares == {"S256": 2280, "untold": 625}


@pytest.mark.behaviour("oracle", "outliers")
def test_a_few_have_another_set_of_types(house: Callable[..., House]) -> None:
    single = house("oracle", patients=1, settings=settings("statement", "single-type"))
    assert types_of(single) == {"Patient"}
    without = house("oracle", patients=1, settings=settings("statement", "without-reports"))
    assert types_of(house("oracle")) - types_of(without) == {"DiagnosticReport"}
    assert without.fhir("DiagnosticReport?patient=1").status == 404
    assert sum(one.share for one in TRAITS["statement"].values()) == 2904


@pytest.mark.behaviour("oracle", "regions", "code-sets")
def test_systems_are_those_of_the_region(house: Callable[..., House]) -> None:
    found = house("oracle", patients=2, settings=settings("region", "canada"))
    tenant = found.site.personality.tenant(found.site.facts)
    assert tenant in found.base
    [coding, *_] = found.read(f"Patient/{found.patient()}")["identifier"][0]["type"]["coding"]
    assert coding["system"] == f"https://fhir.ca.cerner.com/{tenant}/codeSet/4"
    [usual, *_] = house("oracle").read(f"Patient/{house('oracle').patient()}")["identifier"][0]["type"]["coding"]
    assert usual["system"].startswith("https://fhir.cerner.com/")


@pytest.mark.behaviour("oracle", "statement-names")
def test_some_statements_still_have_the_former_name(house: Callable[..., House]) -> None:
    former = house("oracle", patients=1, settings=settings("name", "cerner")).read("metadata")
    assert (former["name"], former["publisher"]) == ("CernerCapabilityStatement", "Cerner")
    now = house("oracle").read("metadata")
    assert (now["name"], now["publisher"]) == ("OracleHealthCapabilityStatement", "Oracle Health")


@pytest.mark.behaviour("oracle", "tenant-key")
def test_some_tenants_are_no_guids(house: Callable[..., House]) -> None:
    found = house("oracle", patients=1, settings=settings("tenant", "key"))
    tenant = found.base.removeprefix(f"{ROOT}/r4/")
    assert len(tenant) == 32
    assert tenant[0] == "-"
    assert found.fhir("metadata").status == 200


@pytest.mark.behaviour("oracle", "refresh-once-a-minute")
def test_production_throttles_renewals(house: Callable[..., House]) -> None:
    drawn = variance_of("oracle").environments["production"].settings
    assert drawn["token"]["server"]["refresh_interval"] == 60.0
    site = build_site(SiteOptions("p", "oracle", patients=1, stepped=True, environment="production"))
    assert site.auth.settings.refresh_interval == 60.0
