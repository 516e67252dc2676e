import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.fhir.search.extract import compile_expression
from mockehr.fhir.search.table import definitions


def extract(expression, resource, base=""):
    return list(compile_expression(expression, base)(resource))


@pytest.mark.parametrize(
    ("expression", "resource", "expected"),
    [
        ("Patient.gender", {"gender": "male"}, ["male"]),
        ("Patient.name.given", {"name": [{"given": ["A", "B"]}, {"given": ["C"]}, {}]}, ["A", "B", "C"]),
        (
            "Patient.contact.name.given",
            {"contact": [{"name": {"given": 1}}, {"name": [{"given": [2, 3]}]}]},
            [1, 2, 3],
        ),
        (
            "Bundle.entry[0].resource",
            {"entry": [{"resource": {"id": "a"}}, {"resource": {"id": "b"}}]},
            [{"id": "a"}],
        ),
        ("Bundle.entry[0].resource", {"entry": []}, []),
        (
            "QuestionnaireResponse.item.where(hasExtension('http://x')).linkId",
            {"item": [{"linkId": "1", "extension": [{"url": "http://x"}]}, {"linkId": "2"}]},
            ["1"],
        ),
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
        ("Patient.gender | Patient.name", {"gender": 1, "name": [2]}, [1, 2]),
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
    "expression",
    ["Patient.name.first()", "Patient.where(a > 1)", "Patient.name[x]", "Patient.1a", "Patient.nme", "Foo.name"],
)
def test_fhirpath_beyond_search_parameters_is_refused_at_compile_time(expression):
    with pytest.raises(ValueError, match="beyond the FHIRPath"):
        compile_expression(expression)


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
