"""Search parameters of R4B beside those of R4."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.fhir.elements import R4, R4B, resource_types
from mockehr.fhir.search import compile_query, shaped
from mockehr.fhir.search.table import definitions, known_types, lookup


def test_every_parameter_of_r4b_compiles() -> None:
    for kind in known_types(R4B):
        for definition in definitions(kind, R4B).values():
            assert definition.extract({"resourceType": kind}) is not None
            for component in definition.components:
                assert component.extract({}) is not None


def test_the_new_types_have_parameters_of_their_own_and_gone_ones_none() -> None:
    new = set(resource_types(R4B)) - set(resource_types(R4))
    bare = {kind for kind in new if all(name.startswith("_") for name in definitions(kind, R4B))}
    assert bare == {"SubscriptionStatus"}
    assert all(name.startswith("_") for name in definitions("SubstanceSpecification", R4B))
    assert lookup("Ingredient", "role", R4) is None


def test_what_both_versions_have_alike_is_the_same_but_for_its_version() -> None:
    for name, definition in definitions("MedicationDispense", R4).items():
        other = lookup("MedicationDispense", name, R4B)
        assert other is not None
        assert (other.kind, other.expression) == (definition.kind, definition.expression)


INGREDIENT = {
    "resourceType": "Ingredient",
    "role": {"coding": [{"code": "active"}]},
    "substance": {
        "code": {
            "concept": {"coding": [{"system": "urn:x", "code": "42"}]},
            "reference": {"reference": "SubstanceDefinition/s"},
        }
    },
}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("role=active", True),
        ("role=inactive", False),
        ("substance-code=urn:x|42", True),
        ("substance-code=43", False),
        ("substance=SubstanceDefinition/s", True),
        ("substance=SubstanceDefinition/t", False),
        ("substance:SubstanceDefinition=s", True),
    ],
)
def test_a_new_type_is_searched_also_by_what_may_be_code_or_reference(query: str, found: bool) -> None:
    compiled = compile_query("Ingredient", query, strict=True, fhir_version=R4B)
    assert compiled.problems == ()
    assert compiled.matches(INGREDIENT) is found


@pytest.mark.parametrize("query", ["substance:SubstanceDefinition=s", "_include=Ingredient:substance", "role=x"])
def test_what_is_new_is_unknown_to_r4(query: str) -> None:
    assert compile_query("Ingredient", query, strict=True).problems


def test_chains_and_includes_lead_through_new_types() -> None:
    resources: dict[str, dict[str, Any]] = {
        "SubstanceDefinition/s": {"resourceType": "SubstanceDefinition", "id": "s", "name": [{"name": "Water"}]}
    }
    query = compile_query(
        "Ingredient",
        "substance:SubstanceDefinition.name=wat&_include=Ingredient:substance",
        strict=True,
        resolve=lambda kind, id: resources.get(f"{kind}/{id}"),
        fhir_version=R4B,
    )
    assert query.problems == ()
    assert query.matches(INGREDIENT)
    assert query.include[0].references(INGREDIENT) == [("SubstanceDefinition", "s")]


def test_a_summary_is_that_of_the_version() -> None:
    query = compile_query("Ingredient", "_summary=true", strict=True, fhir_version=R4B)
    made = shaped(INGREDIENT | {"text": {"status": "empty"}}, query)
    assert made is not None
    assert "role" in made
    assert "text" not in made
