"""The shared resources are valid, refer to each other, and belong to nobody real."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from mockehr.core.chance import Chance
from mockehr.core.clock import STEPPED_START
from mockehr.population import roster
from mockehr.population.directory import Directory
from mockehr.population.npi import check_digit
from mockehr.population.population import Population
from mockehr.population.professions import PRACTICES

US_CORE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "us-core-6.1.0"
DIRECTORY = Directory(Chance(7))
RESOURCES = [resource for kind in DIRECTORY.resources.values() for resource in kind]
OPTIONAL = {"PractitionerRole.endpoint", "Organization.identifier:CLIA", "Organization.identifier:NAIC"}


def test_everything_validates_as_r4b() -> None:
    for resource in RESOURCES:
        kind = resource["resourceType"]
        model = getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
        assert json.loads(model.model_validate(resource).model_dump_json()) == resource


def test_ids_and_references_are_positions() -> None:
    for kind, resources in DIRECTORY.resources.items():
        assert [resource["id"] for resource in resources] == [f"d{n}" for n in range(len(resources))]
        assert {resource["resourceType"] for resource in resources} == {kind}
    keys = {f"{resource['resourceType']}/{resource['id']}" for resource in RESOURCES}
    written = json.dumps(RESOURCES)
    assert written.count('"reference"') > 100
    for part in written.split('"reference": "')[1:]:
        assert part.split('"')[0] in keys


def test_the_roster_numbers_what_is_there() -> None:
    resources = DIRECTORY.resources
    assert len(resources["Practitioner"]) == len(PRACTICES) == roster.PRACTITIONERS
    kinds = [resource["type"][0]["coding"][0]["code"] for resource in resources["Organization"]]
    assert [n for n, kind in enumerate(kinds) if kind == "pay"] == list(roster.PAYERS)
    codes = [resource["type"][0]["coding"][0]["code"] for resource in resources["Location"]]
    assert codes[roster.EMERGENCY] == "ER"
    assert codes[roster.INTENSIVE_CARE] == "ICU"
    assert [n for n, code in enumerate(codes) if code == "OF"] == list(roster.CLINICS)
    for doctor in roster.PRIMARY_CARE:
        place = resources["PractitionerRole"][doctor]["location"][0]["reference"]
        assert place == f"Location/d{roster.clinic_of(doctor)}"
    assert roster.general_practitioners(roster.EMERGENCY) == range(0)
    with pytest.raises(ValueError, match="no general practitioner"):
        roster.clinic_of(39)


def values(node: Any, steps: list[str]) -> list[Any]:
    """All values at an element path; lists are walked."""
    if isinstance(node, list):
        return [value for item in node for value in values(item, steps)]
    if not steps:
        return [node]
    return values(node[steps[0]], steps[1:]) if isinstance(node, dict) and steps[0] in node else []


@pytest.mark.skipif(not US_CORE.is_dir(), reason="the US Core package does not lie beside the checkout")
@pytest.mark.parametrize("kind", sorted(DIRECTORY.resources))
def test_us_core_elements_are_there(kind: str) -> None:
    profile = json.loads((US_CORE / f"StructureDefinition-us-core-{kind.lower()}.json").read_text(encoding="utf-8"))
    wanted = {
        element["id"]
        for element in profile["snapshot"]["element"]
        if element.get("mustSupport") and ":" not in element["id"]
    }
    assert len(wanted) > 5
    for path in wanted - OPTIONAL:
        assert values(list(DIRECTORY.resources[kind]), path.split(".")[1:]), path
    required = {e["path"] for e in profile["snapshot"]["element"] if e.get("min") and e["path"].count(".") == 1}
    for resource in DIRECTORY.resources[kind]:
        assert profile["url"] in resource["meta"]["profile"]
        assert all(values(resource, path.split(".")[1:]) for path in required)


def test_provider_numbers_can_belong_to_nobody() -> None:
    assert check_digit("123456789") == 3  # the example that CMS gives: 1234567893
    numbers = [
        identifier["value"]
        for resource in RESOURCES
        for identifier in resource.get("identifier", [])
        if identifier["system"] == "http://hl7.org/fhir/sid/us-npi"
    ]
    assert len(numbers) == len(set(numbers)) == 44
    for number in numbers:
        assert len(number) == 10
        assert number.isdigit()
        assert int(number[9]) != check_digit(number[:9])


def test_telephones_and_mail_lie_in_reserved_ranges() -> None:
    for resource in RESOURCES:
        for contact in resource.get("telecom", []):
            if contact["system"] == "phone":
                assert contact["value"][4:10] == "555-01"
            else:
                assert contact["value"].endswith("@example.org")


def test_a_directory_depends_on_seed_and_state_only() -> None:
    assert Directory(Chance(7)).resources == DIRECTORY.resources
    assert Directory(Chance(8)).resources != DIRECTORY.resources
    texas = Directory(Chance(7), state="TX").resources["Location"][0]
    assert texas["address"]["state"] == "TX"


def test_a_population_shares_its_cities_with_its_directory() -> None:
    population = Population(Chance(7), 400, as_of=STEPPED_START)
    assert population.directory is population.directory
    assert population.directory.resources == DIRECTORY.resources
    homes = {population.person(index).city for index in range(400)}
    assert {place["address"]["city"] for place in DIRECTORY.resources["Location"]} <= homes


def test_references_carry_a_display() -> None:
    reference = DIRECTORY.reference("Practitioner", 0)
    assert reference["reference"] == "Practitioner/d0"
    assert reference["display"].startswith("Dr. ")
    role = DIRECTORY.reference("PractitionerRole", 3)
    assert role["display"] == DIRECTORY.reference("Practitioner", 3)["display"]
