import json
from pathlib import Path

import pytest

from mockehr.fhir.search.table import definitions, known_types, lookup, read_table

US_CORE = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "us-core-6.1.0"


def test_every_type_of_the_table_compiles_and_has_the_common_parameters():
    for resource_type in known_types():
        table = definitions(resource_type)
        assert {"_id", "_lastUpdated", "_profile", "_tag", "_security"} <= set(table)


def test_a_type_without_parameters_of_its_own_has_the_common_parameters_only():
    assert all(name.startswith("_") for name in definitions("Binary"))
    assert lookup("Binary", "code") is None


@pytest.mark.skipif(not US_CORE.is_dir(), reason="the US Core package is not beside this checkout")
def test_every_us_core_search_parameter_is_in_the_table():
    for path in US_CORE.glob("SearchParameter-*.json"):
        parameter = json.loads(path.read_text("utf-8"))
        for base in parameter["base"]:
            definition = lookup(base, parameter["code"])
            assert definition is not None, path.name
            assert definition.kind == parameter["type"]


def test_what_us_core_demands_of_servers_is_in_the_table():
    for resource_type, demands in read_table("us-core-6.1.0.json").items():
        assert set(demands["search"]) <= set(definitions(resource_type)), resource_type


def test_definitions_carry_targets_components_and_their_canonical():
    subject = lookup("Encounter", "subject")
    assert subject is not None
    assert subject.targets == ("Group", "Patient")
    assert not subject.any_target
    assert subject.definition == "http://hl7.org/fhir/SearchParameter/Encounter-subject"
    assert lookup("Provenance", "target").any_target
    composite = lookup("Observation", "code-value-quantity")
    assert [component.kind for component in composite.components] == ["token", "quantity"]
    assert lookup("Condition", "asserted-date").definition.startswith("http://hl7.org/fhir/us/core/")
