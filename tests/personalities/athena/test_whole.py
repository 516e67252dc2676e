"""All that a site of athenahealth shows: reads, references, pages, and what the standard's models think of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

PRACTICE = "ah-practice=Organization/a-1.Practice-195900"
OF_CHARTS = ("AllergyIntolerance", "CarePlan", "CareTeam", "Condition", "Coverage", "DiagnosticReport",
             "DocumentReference", "Encounter", "Goal", "Immunization", "MedicationRequest", "Observation",
             "Procedure", "Specimen")  # fmt: skip
House = Any
PREVIEW = {"events": {"athena": {"practice": "195900"}}}


@pytest.fixture(scope="module")
def site(house: Callable[..., House]) -> House:
    return house("athena", patients=12, settings=PREVIEW)


@pytest.fixture(scope="module")
def shown(site: House) -> dict[str, list[dict[str, Any]]]:
    """All resources of four patients by type, and the patients."""
    found: dict[str, list[dict[str, Any]]] = {}
    for index in range(4):
        id = site.patient(index)
        found.setdefault("Patient", []).append(site.read(f"Patient/{id}"))
        for kind in OF_CHARTS:
            more = "&intent=order" if kind == "MedicationRequest" else ""
            found.setdefault(kind, []).extend(followed(site, f"{kind}?patient={id}{more}"))
    return found


def followed(site: House, target: str) -> list[dict[str, Any]]:
    """All matches of a search, page by page."""
    found: list[dict[str, Any]] = []
    while target:
        bundle = site.read(target)
        found += [one["resource"] for one in bundle.get("entry", ())]
        following = [one["url"] for one in bundle["link"] if one["relation"] == "next"]
        target = following[0].removeprefix(site.base + "/") if following else ""
    return found


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for one in node:
            yield from references(one)


def test_what_is_shown_can_be_read_again_and_is_the_same(site: House, shown: dict[str, list[dict[str, Any]]]) -> None:
    assert {kind for kind, found in shown.items() if not found} == set()
    for kind, found in shown.items():
        assert len({one["id"] for one in found}) == len(found)
        for one in found[:40]:
            assert site.read(f"{kind}/{one['id']}") == one


def test_every_reference_leads_somewhere(site: House, shown: dict[str, list[dict[str, Any]]]) -> None:
    told = {one for found in shown.values() for each in found for one in references(each)}
    asked = list(told)
    while asked:
        one = asked.pop()
        reply = site.fhir(one)
        assert reply.status == 200, one
        fresh = set(references(site.read(one))) - told
        if not one.startswith("Provenance/"):
            told |= fresh
            asked += fresh
    kinds = {one.partition("/")[0] for one in told}
    assert {"Patient", "Organization", "Practitioner", "Location", "Encounter", "Medication"} <= kinds


@pytest.mark.behaviour("athena", "cursor", "count-kept")
def test_pages_lead_by_the_id_of_the_last_entry_to_all_matches_once(site: House) -> None:
    id = site.patient(0)
    first = site.read(f"Observation?_count=7&patient={id}")
    assert len(first["entry"]) == 7
    following = next(one["url"] for one in first["link"] if one["relation"] == "next")
    assert following.endswith(f"&cursor={first['entry'][-1]['resource']['id']}")
    usual, few = followed(site, f"Observation?patient={id}"), followed(site, f"Observation?_count=7&patient={id}")
    assert [one["id"] for one in few] == [one["id"] for one in usual]
    tokens = {one["id"].partition(".")[2].partition("-")[0] for one in usual}
    assert {"resultamb", "vitalamb"} <= tokens
    assert len(site.read(f"Observation?patient={id}")["entry"]) == 50
    assert site.fhir(f"Observation?patient={id}&cursor=a-195900.resultamb-999999").status >= 400


def test_the_models_of_the_standard_take_what_is_shown(site: House, shown: dict[str, list[dict[str, Any]]]) -> None:
    listed = [one for found in shown.values() for one in found[:12]]
    listed += [site.read(one) for each in listed for one in references(each) if one.split("/")[0] in
               ("Organization", "Location", "Practitioner")][:25]  # fmt: skip
    assert len(listed) > 80
    for one in listed:
        get_fhir_model_class(one["resourceType"]).model_validate(one)


@pytest.mark.behaviour("athena", "references", "narrative")
def test_references_are_bare_and_only_plans_have_a_narrative(shown: dict[str, list[dict[str, Any]]]) -> None:
    def bare(node: Any) -> Iterator[set[str]]:
        if isinstance(node, dict):
            if "reference" in node and isinstance(node["reference"], str):
                yield set(node)
            for value in node.values():
                yield from bare(value)
        elif isinstance(node, list):
            for one in node:
                yield from bare(one)

    assert {frozenset(keys) for found in shown.values() for one in found for keys in bare(one)} == {
        frozenset({"reference"})
    }
    told = {one["resourceType"]: one.get("text", {}).get("status") for found in shown.values() for one in found}
    assert {kind: status for kind, status in told.items() if status} == {"CarePlan": "additional"}


@pytest.mark.behaviour("athena", "key-order")
def test_keys_stand_in_no_order(shown: dict[str, list[dict[str, Any]]]) -> None:
    first = sorted(shown["Condition"][1])
    orders = {tuple(one) for one in shown["Condition"] if sorted(one) == first}
    assert len(orders) > 3
    assert len({order[0] for order in orders}) > 2


@pytest.mark.behaviour("athena", "mixed-offsets", "meta-updated")
def test_offsets_are_those_of_the_season_and_now_and_then_utc(shown: dict[str, list[dict[str, Any]]]) -> None:
    moments = {one["meta"]["lastUpdated"] for kind in ("Condition", "Encounter") for one in shown[kind]}
    ends = {re.sub(r".*\d\.000", "", one) for one in moments}
    assert ends == {"-04:00", "-05:00", "Z"}
    for one in shown["Observation"]:
        month, offset = int(one["effectiveDateTime"][5:7]), one["effectiveDateTime"][-6:]
        if month in (1, 2, 12):
            assert offset == "-05:00"
        elif 4 <= month <= 10:
            assert offset == "-04:00"
    assert all("." not in one["recordedDate"] for one in shown["Condition"])


@pytest.mark.behaviour("athena", "meta-profile", "no-meta")
def test_what_meta_has_depends_on_the_type(site: House, shown: dict[str, list[dict[str, Any]]]) -> None:
    profiled = {kind for kind, found in shown.items() if all("profile" in one.get("meta", {}) for one in found)}
    assert profiled == {"CarePlan", "CareTeam", "Condition", "Encounter", "Goal", "Procedure"}
    assert shown["Condition"][0]["meta"]["profile"] == [
        "http://hl7.org/fhir/us/core/StructureDefinition/us-core-condition"
    ]
    for kind in ("AllergyIntolerance", "Observation"):
        assert not any("meta" in one for one in shown[kind])
    assert "meta" not in site.read("Organization/a-1.Practice-195900")
    assert not any("versionId" in one.get("meta", {}) for found in shown.values() for one in found)
    assert {kind for kind, found in shown.items() if any("security" in one.get("meta", {}) for one in found)} == {
        "Patient"
    }
