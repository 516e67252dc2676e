import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.fhir.validate import Issue, check_body, check_models, outcome, validate_document

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
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
        ({"valueQuantity": {"value": "5"}}, ("Observation.valueQuantity.value", "value")),
        ({"valueQuantity": {"value": True}}, ("Observation.valueQuantity.value", "value")),
        ({"status": "finished"}, ("Observation.status", "code-invalid")),
        ({"valueString": "x"}, ("Observation.valueString", "structure")),
        ({"dataAbsentReason": {"text": "x"}}, ("Observation", "invariant")),
        ({"code": {"coding": [{"foo": 1}]}}, ("Observation.code.coding[0].foo", "structure")),
        ({"madeUp": 1}, ("Observation.madeUp", "structure")),
        ({"subject": {"reference": 5}}, ("Observation.subject.reference", "value")),
        ({"contained": [5]}, ("Observation.contained[0]", "structure")),
        ({"implicitRules": "a b"}, ("Observation.implicitRules", "value")),
    ],
)
def test_what_is_wrong_is_told_with_its_place(changes, expected):
    assert places(OBSERVATION | changes) == {expected}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"code": {"coding": [{"foo": 1}]}}, "Observation.code.coding[0].foo"),
        ({"madeUp": 1}, "Observation.madeUp"),
        ({"subject": {"reference": 5}}, "Observation.subject.reference"),
        ({"contained": [{"resourceType": "Encounter"}]}, "Observation.contained[0].class"),
        ({"contained": [{"resourceType": "../x"}]}, "Observation.contained[0]"),
        ({"contained": [{"resourceType": "Group"}, {"resourceType": None}]}, "Observation.contained[1]"),
        ({"contained": [{"resourceType": {"a": 1}}]}, "Observation.contained[0]"),
    ],
)
def test_the_models_agree_on_what_lies_deeper(changes, expected):
    document = OBSERVATION | changes
    assert expected in {issue.expression for issue in check_body(document, "Observation")}
    models = check_models(document)
    assert expected in {issue.expression for issue in models}
    assert all(issue.text and issue.severity == "error" for issue in models)


def test_what_both_checks_find_is_told_once():
    document = OBSERVATION | {"effectiveDateTime": "2024-02-30"}
    assert len(check_body(document, "Observation", strict=True)) == 1


@pytest.mark.parametrize("strict", [False, True])
def test_every_type_of_r4_is_checked(strict):
    assert places({"resourceType": "Basic"}, "Basic", strict=strict) == {("Basic.code", "required")}


@pytest.mark.parametrize("name", ["Foo", "Quantity", "../x"])
@pytest.mark.parametrize("strict", [False, True])
def test_what_is_no_resource_type_is_an_issue(name, strict):
    assert {place for place, _ in places({"resourceType": name}, name, strict=strict)} == {name}


def test_warnings_do_not_refuse_a_body():
    vendors = OBSERVATION | {"encounter": {"reference": "Encounter/LIFE_LONG"}}
    assert check_body(vendors, "Observation") == []
    assert [issue.severity for issue in validate_document(vendors)] == ["warning"]


def test_a_body_nested_without_end_is_an_issue():
    nested = inner = {"url": "http://example.org"}
    for _ in range(3000):
        inner["extension"] = [{"url": "http://example.org"}]
        inner = inner["extension"][0]
    issues = check_models({"resourceType": "Patient", "extension": [nested]})
    assert issues
    assert all(isinstance(issue, Issue) for issue in issues)


@pytest.mark.parametrize(
    ("levels", "expected"), [(98, "Patient.beyond"), (99, "Patient.beyond"), (100, "Patient"), (50_000, "Patient")]
)
def test_a_body_of_more_levels_than_fit_into_other_documents_is_one_issue(levels, expected):
    nested = []
    for _ in range(levels - 1):
        nested = [nested]
    (issue,) = check_body({"resourceType": "Patient", "beyond": nested}, "Patient")
    assert issue.expression == expected
    (issue,) = validate_document({"resourceType": "Patient", "beyond": nested})
    assert issue.expression == expected


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the US Core examples are not beside this checkout")
def test_no_us_core_example_has_issues():
    for path in sorted(EXAMPLES.glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        assert check_body(document, document["resourceType"], document["id"]) == [], path.name


PATIENT = {"resourceType": "Patient", "gender": "femal"}


def test_validation_follows_the_profile_that_is_asked_for():
    issues = validate_document(PATIENT, profile=US_CORE + "us-core-patient")
    assert {(issue.expression, issue.code) for issue in issues} == {
        ("Patient.gender", "code-invalid"),
        ("Patient.identifier", "required"),
        ("Patient.name", "required"),
    }
    (_, unknown) = validate_document(PATIENT, profile="http://example.org/profile")
    assert (unknown.code, unknown.severity) == ("not-found", "error")


def test_validation_follows_the_profiles_that_resources_claim():
    claims = {"profile": [US_CORE + "us-core-patient|6.1.0", "http://example.org/profile"]}
    patient = {"resourceType": "Patient", "gender": "female", "meta": claims}
    expected = {
        ("Patient.identifier", "required", "error"),
        ("Patient.name", "required", "error"),
        ("Patient.meta.profile", "not-found", "warning"),
    }
    issues = validate_document(patient)
    assert {(issue.expression, issue.code, issue.severity) for issue in issues} == expected
    issues = validate_document({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}]})
    at = "Bundle.entry[0].resource"
    assert {(issue.expression, issue.code, issue.severity) for issue in issues} == {
        (place.replace("Patient", at), code, severity) for place, code, severity in expected
    }


def test_the_mode_of_validation_matters():
    good = {"resourceType": "Patient", "id": "p1"}
    assert validate_document(good, mode="update") == []
    assert validate_document(good, mode="profile") == []
    assert validate_document(None, mode="delete") == []
    (issue,) = validate_document(good, mode="create")
    assert issue.severity == "information"
    (issue,) = validate_document({"resourceType": "Patient"}, mode="update")
    assert (issue.expression, issue.code) == ("Patient.id", "required")
    (issue,) = validate_document(good, mode="destroy")
    assert issue.code == "invalid"
    (issue,) = validate_document(None)
    assert issue.code == "structure"


def test_the_outcome_of_validation_is_a_sound_resource():
    good = outcome([])
    assert [issue["severity"] for issue in good["issue"]] == ["information"]
    assert good["issue"][0]["diagnostics"] == "All OK"
    bad = outcome(
        [*validate_document(PATIENT), Issue("value", "x", "Patient.a", "warning", 3, 7), *validate_document(5)]
    )
    assert bad["issue"][0]["expression"] == ["Patient.gender"]
    assert bad["issue"][1]["location"] == ["Line[3] Col[7]"]
    for document in (good, bad, outcome(validate_document({}, mode="x"))):
        assert check_body(document, "OperationOutcome", strict=True) == []


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
    outcome(validate_document(document))
    assert document == before
