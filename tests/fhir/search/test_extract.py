import json
import re
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.fhir.search.extract import compile_expression
from mockehr.fhir.search.table import definitions, known_types

EXAMPLES = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "us-core-6.1.0" / "example"
CHOICES = {
    "Observation.value": ["Boolean", "CodeableConcept", "DateTime", "Quantity", "String"],
    "Observation.component.value": ["CodeableConcept", "Quantity"],
    "Patient.deceased": ["Boolean", "DateTime"],
}


def extract(expression, resource, base=""):
    return list(compile_expression(expression, CHOICES, base)(resource))


@pytest.mark.parametrize(
    ("expression", "resource", "expected"),
    [
        ("Patient.gender", {"gender": "male"}, ["male"]),
        ("Patient.name.given", {"name": [{"given": ["A", "B"]}, {"given": ["C"]}, {}]}, ["A", "B", "C"]),
        ("Patient.a.b.c", {"a": [{"b": {"c": 1}}, {"b": [{"c": [2, 3]}]}]}, [1, 2, 3]),
        ("Observation.value", {"valueString": "x", "valueSet": "no"}, ["x"]),
        ("(Observation.value as Quantity)", {"valueQuantity": {"value": 1}, "valueString": "x"}, [{"value": 1}]),
        ("Observation.value.as(DateTime)", {"valueDateTime": "2024"}, ["2024"]),
        ("Observation.value.ofType(string)", {"valueString": "x"}, ["x"]),
        ("(Observation.value as CodeableConcept).text", {"valueCodeableConcept": {"text": "t"}}, ["t"]),
        ("Observation.component.value", {"component": [{"valueQuantity": {"value": 2}}, {}]}, [{"value": 2}]),
        (
            "Patient.telecom.where(system='phone')",
            {"telecom": [{"system": "phone"}, {"system": "fax"}]},
            [{"system": "phone"}],
        ),
        (
            "Patient.extension.where(url = 'http://a.b/c').valueCode",
            {"extension": [{"url": "http://a.b/c", "valueCode": "x"}]},
            ["x"],
        ),
        ("Patient.a | Patient.b", {"a": 1, "b": [2]}, [1, 2]),
        ("Patient.deceased.exists() and Patient.deceased != false", {"deceasedDateTime": "2024"}, [True]),
        ("Patient.deceased.exists() and Patient.deceased != false", {"deceasedBoolean": False}, [False]),
        ("Patient.deceased.exists() and Patient.deceased != false", {}, [False]),
        ("(Patient.birthDate as date)", {"birthDate": "2024"}, ["2024"]),
        ("Observation", {"a": 1}, [{"a": 1}]),
    ],
)
def test_an_expression_finds_its_values(expression, resource, expected):
    assert extract(expression, resource) == expected


@pytest.mark.parametrize(
    ("reference", "kept"),
    [
        ({"reference": "Patient/1"}, True),
        ({"reference": "http://ehr.example.org/fhir/Patient/1/_history/2"}, True),
        ({"reference": "urn:uuid:1", "type": "Patient"}, True),
        ({"reference": "Group/1"}, False),
        ({"reference": "PatientX/1"}, False),
        ({"display": "somebody"}, False),
        ("Patient/1", False),
    ],
)
def test_resolve_is_told_by_the_reference_itself(reference, kept):
    found = extract("Encounter.subject.where(resolve() is Patient)", {"subject": reference})
    assert found == ([reference] if kept else [])


def test_a_relative_expression_starts_from_its_base():
    assert extract("value.as(Quantity)", {"valueQuantity": {"value": 1}}, "Observation") == [{"value": 1}]


@pytest.mark.parametrize(
    "expression", ["Patient.name.first()", "Patient.where(a > 1)", "Patient.name[0]", "Patient.1a"]
)
def test_fhirpath_beyond_search_parameters_is_refused_at_compile_time(expression):
    with pytest.raises(ValueError, match="beyond the FHIRPath"):
        compile_expression(expression, CHOICES)


def same(value):
    return json.dumps(value, sort_keys=True, default=float)


def without_extensions_of_primitives(node):
    """The engine yields `_gender` among the values of `gender`; a search parameter looks at values only."""
    if isinstance(node, dict):
        return {key: without_extensions_of_primitives(value) for key, value in node.items() if key[0] != "_"}
    return [without_extensions_of_primitives(item) for item in node] if isinstance(node, list) else node


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the US Core examples are not beside this checkout")
def test_every_expression_without_resolve_agrees_with_a_fhirpath_engine():
    from fhirpathpy import compile as compile_fhirpath
    from fhirpathpy.models import models

    resources = defaultdict(list)
    for path in sorted(EXAMPLES.glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        bundled = [entry["resource"] for entry in document.get("entry", [])] if "entry" in document else []
        for resource in [document, *bundled]:
            resources[resource["resourceType"]].append(without_extensions_of_primitives(resource))
    compared = found = 0
    for resource_type in set(resources) & set(known_types()):
        for definition in definitions(resource_type).values():
            if "resolve()" in definition.expression:
                continue
            # the engine holds `as` to single values; R4's expressions mean ofType()
            expression = re.sub(
                r"\(([\w.]+) as (\w+)\)|([\w.]+)\.as\((\w+)\)", r"\1\3.ofType(\2\4)", definition.expression
            )
            oracle = compile_fhirpath(expression.replace("Resource.", f"{resource_type}."), models["r4"])
            for resource in resources[resource_type]:
                expected = {same(value) for value in oracle(resource)}
                assert {same(value) for value in definition.extract(resource)} == expected, definition
                compared += 1
                found += bool(expected)
    assert compared > 4000
    assert found > 2000


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "subject", "value", "coding", "component", "reference"]), inner)
    ),
    max_leaves=12,
)


@given(json_like)
def test_no_resource_whatever_its_shape_makes_an_extraction_raise(resource):
    for resource_type in ("Patient", "Observation", "Encounter"):
        for definition in definitions(resource_type).values():
            definition.extract(resource)
