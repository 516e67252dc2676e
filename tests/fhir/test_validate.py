import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.fhir.validate import Issue, check_body, check_models

EXAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "us-core-6.1.0" / "example"
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"text": "Glucose"},
    "subject": {"reference": "Patient/1"},
    "effectiveDateTime": "2024-03-14T10:00:00Z",
    "valueQuantity": {"value": 5.4},
}


def places(document, resource_type="Observation", id="", **settings):
    return {(issue.expression, issue.code) for issue in check_body(document, resource_type, id, **settings)}


@pytest.mark.parametrize("strict", [False, True])
def test_a_good_body_has_no_issues(strict):
    assert check_body(OBSERVATION, "Observation", strict=strict) == []
    assert check_body(OBSERVATION, "Observation", "o1", strict=strict) == []


@pytest.mark.parametrize("document", [None, [], "text", 5, True])
def test_a_body_that_is_no_object_is_one_issue(document):
    (issue,) = check_body(document, "Patient")
    assert (issue.code, issue.expression) == ("structure", "Patient")


@pytest.mark.parametrize(
    ("document", "id", "expected"),
    [
        ({}, "", ("Patient.resourceType", "required")),
        ({"resourceType": 5}, "", ("Patient.resourceType", "required")),
        ({"resourceType": "Group"}, "", ("Patient.resourceType", "invalid")),
        ({"resourceType": "Patient"}, "p1", ("Patient.id", "required")),
        ({"resourceType": "Patient", "id": "p2"}, "p1", ("Patient.id", "invalid")),
        ({"resourceType": "Patient", "id": "a_b"}, "a_b", ("Patient.id", "value")),
        ({"resourceType": "Patient", "id": "x" * 65}, "x" * 65, ("Patient.id", "value")),
    ],
)
def test_type_and_id_have_to_agree_with_the_address(document, id, expected):
    assert places(document, "Patient", id) == {expected}


def test_the_id_in_a_create_does_not_matter():
    assert places({"resourceType": "Patient", "id": "not an id"}, "Patient") == set()
    assert places({"resourceType": "Patient", "id": "not an id"}, "Patient", strict=True) == set()


def test_required_elements_are_named():
    assert places({"resourceType": "MedicationRequest"}, "MedicationRequest") == {
        ("MedicationRequest.status", "required"),
        ("MedicationRequest.intent", "required"),
        ("MedicationRequest.medication[x]", "required"),
        ("MedicationRequest.subject", "required"),
    }


def test_an_extension_may_stand_for_a_required_primitive():
    document = OBSERVATION | {"_status": {"extension": [{"url": "http://example.org/x", "valueCode": "unknown"}]}}
    del document["status"]
    assert places(document) == set()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": 5}, ("Observation.status", "value")),
        ({"status": " final"}, ("Observation.status", "value")),
        ({"status": None}, ("Observation.status", "value")),
        ({"code": "Glucose"}, ("Observation.code", "structure")),
        ({"code": {}}, ("Observation.code", "structure")),
        ({"code": [{"text": "x"}]}, ("Observation.code", "structure")),
        ({"category": {"text": "x"}}, ("Observation.category", "structure")),
        ({"category": []}, ("Observation.category", "structure")),
        ({"category": [{"text": "x"}, "y"]}, ("Observation.category[1]", "structure")),
        ({"effectiveDateTime": "2024-02-30"}, ("Observation.effectiveDateTime", "value")),
        ({"effectiveDateTime": "2024-03-14T10:00:00"}, ("Observation.effectiveDateTime", "value")),
        ({"issued": "2024-03-14"}, ("Observation.issued", "value")),
        ({"valueInteger": "5"}, ("Observation.valueInteger", "value")),
        ({"valueInteger": True}, ("Observation.valueInteger", "value")),
        ({"valueBoolean": "true"}, ("Observation.valueBoolean", "value")),
        ({"valueString": ""}, ("Observation.valueString", "value")),
        ({"valueTime": "25:00:00"}, ("Observation.valueTime", "value")),
        ({"implicitRules": "a b"}, ("Observation.implicitRules", "value")),
    ],
)
def test_the_light_check_finds_wrong_shapes(changes, expected):
    assert places(OBSERVATION | changes) == {expected}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"code": {"coding": [{"foo": 1}]}}, "Observation.code.coding[0].foo"),
        ({"madeUp": 1}, "Observation.madeUp"),
        ({"subject": {"reference": 5}}, "Observation.subject.reference"),
        ({"valueString": "x"}, "Observation"),
        ({"contained": [{"resourceType": "Patient"}, {"resourceType": "Foo"}]}, "Observation.contained[1]"),
        ({"contained": [{"resourceType": "Encounter"}]}, "Observation.contained[0].class"),
        ({"contained": [{"resourceType": "../x"}]}, "Observation.contained[0]"),
        ({"contained": [{"resourceType": "Quantity"}]}, "Observation.contained[0].root"),
        ({"contained": [{"resourceType": "Group"}, {"resourceType": None}]}, "Observation.contained[1]"),
        ({"contained": [{"resourceType": {"a": 1}}]}, "Observation.contained[0]"),
    ],
)
def test_the_strict_check_finds_what_lies_deeper(changes, expected):
    document = OBSERVATION | changes
    assert check_body(document, "Observation") == []
    issues = check_body(document, "Observation", strict=True)
    assert expected in {issue.expression for issue in issues}
    assert all(issue.text and issue.severity == "error" for issue in issues)


def test_what_both_checks_find_is_told_once():
    document = OBSERVATION | {"effectiveDateTime": "2024-02-30"}
    assert len(check_body(document, "Observation", strict=True)) == 1


def test_a_type_beyond_the_table_is_checked_by_the_models_only():
    assert check_body({"resourceType": "Basic"}, "Basic") == []
    assert places({"resourceType": "Basic"}, "Basic", strict=True) == {("Basic.code", "required")}


@pytest.mark.parametrize("name", ["Foo", "Quantity", "../x"])
def test_what_is_no_resource_type_is_an_issue_of_the_strict_check(name):
    assert {place for place, _ in places({"resourceType": name}, name, strict=True)} == {name}


def test_a_body_nested_without_end_is_an_issue():
    nested = inner = {"url": "http://example.org"}
    for _ in range(3000):
        inner["extension"] = [{"url": "http://example.org"}]
        inner = inner["extension"][0]
    issues = check_models({"resourceType": "Patient", "extension": [nested]})
    assert issues
    assert all(isinstance(issue, Issue) for issue in issues)


@pytest.mark.parametrize(("levels", "expected"), [(98, []), (99, []), (100, ["Patient"]), (50_000, ["Patient"])])
def test_a_body_of_more_levels_than_fit_into_other_documents_is_one_issue(levels, expected):
    nested = []
    for _ in range(levels - 1):
        nested = [nested]
    found = check_body({"resourceType": "Patient", "beyond": nested}, "Patient")
    assert [issue.expression for issue in found] == expected


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the US Core examples are not beside this checkout")
def test_no_us_core_example_has_issues():
    for path in sorted(EXAMPLES.glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        assert check_body(document, document["resourceType"], document["id"]) == [], path.name


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["status", "coding", "text", "resourceType"]), inner)
    ),
    max_leaves=6,
)
elements = st.dictionaries(
    st.sampled_from(["status", "code", "category", "contained", "subject", "issued", "id"]), json_values
)


@given(elements)
def test_no_body_makes_the_check_raise_and_none_is_changed(changes):
    document = OBSERVATION | changes
    before = copy.deepcopy(document)
    check_body(document, "Observation", strict=True)
    check_body(document, "Observation", "o1")
    assert document == before
