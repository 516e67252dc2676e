import pytest

from mockehr.fhir.search.reference import parse_reference, split_reference

BASE = "https://ehr.example.org/fhir"


def encounter(reference):
    return {"resourceType": "Encounter", "subject": reference}


@pytest.mark.parametrize(
    ("reference", "query", "expected"),
    [
        ("Patient/1", "patient=1", True),
        ("Patient/1", "patient=Patient/1", True),
        ("Patient/1", f"patient={BASE}/Patient/1", True),
        ("Patient/1", "subject=1", True),
        ("Group/1", "patient=1", False),
        ("Group/1", "subject=1", True),
        ("Patient/1", "subject:Patient=1", True),
        ("Patient/1", "subject:Patient=Patient/1", True),
        ("Patient/1", "subject:Group=1", False),
        ("Patient/1/_history/3", "patient=1", True),
        (f"{BASE}/Patient/1", "patient=1", True),
        (f"{BASE}/Patient/1", "patient=Patient/1", True),
        ("https://other.example.org/fhir/Patient/1", "patient=1", False),
        ("https://other.example.org/fhir/Patient/1", "patient=https://other.example.org/fhir/Patient/1", True),
        ("Patient/11", "patient=1", False),
        ("Patient/1", "patient=2,1", True),
        ("Patient/1", "patient=2", False),
    ],
)
def test_references_match_in_every_form(matches, reference, query, expected):
    assert matches(encounter({"reference": reference}), query, base_url=BASE) is expected


def test_a_reference_by_identifier_matches_its_identifier(matches):
    subject = {"type": "Patient", "identifier": {"system": "urn:oid:1", "value": "7"}}
    assert matches(encounter(subject), "subject:identifier=urn:oid:1|7")
    assert not matches(encounter(subject), "subject:identifier=urn:oid:2|7")
    assert not matches(encounter({"reference": "Patient/7"}), "subject:identifier=7")
    assert matches(encounter({}), "subject:missing=true")


def test_a_parameter_of_any_target_takes_bare_ids(matches):
    provenance = {"resourceType": "Provenance", "target": [{"reference": "Observation/9"}, None, {"reference": 5}]}
    assert matches(provenance, "target=9")
    assert matches(provenance, "target=Observation/9")
    assert not matches(provenance, "target=Patient/9")


def test_canonicals_match_with_and_without_their_version(matches):
    response = {"resourceType": "QuestionnaireResponse", "questionnaire": "http://example.org/Questionnaire/q|2.0"}
    assert matches(response, "questionnaire=http://example.org/Questionnaire/q")
    assert matches(response, "questionnaire=http://example.org/Questionnaire/q|2.0")
    assert not matches(response, "questionnaire=http://example.org/Questionnaire/q|1.0")


def test_references_are_taken_apart():
    assert parse_reference("Patient/1/_history/2")[:2] == ("Patient", "1")
    assert parse_reference("urn:uuid:7")[:2] == ("", "")
    assert split_reference({"reference": "Patient/1/_history/2"}) == ("Patient", "1")
    assert split_reference({"reference": f"{BASE}/Patient/1"}, BASE) == ("Patient", "1")
    for elsewhere in ({"reference": f"{BASE}/Patient/1"}, {"reference": "#c"}, {"reference": None}, {}, None, 7):
        assert split_reference(elsewhere) is None


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("subject=Patient/", "no reference"),
        ("subject:Practitioner=1", "never to Practitioner"),
        ("subject:Patient=Group/1", "is no Patient"),
        ("subject:below=1", "not supported"),
        ("subject=1,", "no reference"),
    ],
)
def test_unusable_references_are_problems(problem, query, text):
    assert text in problem("Encounter", query)
