import pytest

V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
CODE = {
    "coding": [{"system": "http://loinc.org", "code": "2345-7", "display": "Glucose"}, {"code": "GLU"}],
    "text": "Blood sugar",
}
OBSERVATION = {"resourceType": "Observation", "id": "Ab1", "status": "final", "code": CODE}
PATIENT = {
    "resourceType": "Patient",
    "gender": "male",
    "active": True,
    "identifier": [
        {
            "system": "urn:oid:1.2.3",
            "value": "MRN-7",
            "type": {"text": "Medical record", "coding": [{"system": V2_0203, "code": "MR"}]},
        }
    ],
    "telecom": [{"system": "phone", "value": "555-0100"}, {"system": "email", "value": "a@example.org"}],
    "deceasedBoolean": False,
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("code=2345-7", True),
        ("code=http://loinc.org|2345-7", True),
        ("code=http://loinc.org|", True),
        ("code=http://other.org|", False),
        ("code=http://other.org|2345-7", False),
        ("code=|GLU", True),
        ("code=|glu", True),
        ("code=|2345-7", False),
        ("code=x,GLU", True),
        ("code:not=GLU", False),
        ("code:not=x,y", True),
        ("code:text=blood", True),
        ("code:text=GLUC", True),
        ("code:text=sugar", False),
        ("category:not=laboratory", True),
        ("status=FINAL", True),
        ("status=http://hl7.org/fhir/observation-status|final", True),
        ("status=preliminary", False),
        ("_id=Ab1", True),
        ("_id=ab1", False),
        ("_id=x,Ab1", True),
        (r"code=2345\|7", False),
    ],
)
def test_codes_match_by_system_and_code(matches, query, expected):
    assert matches(OBSERVATION, query) is expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("identifier=urn:oid:1.2.3|MRN-7", True),
        ("identifier=MRN-7", True),
        ("identifier=urn:oid:9|MRN-7", False),
        (f"identifier:of-type={V2_0203}|MR|MRN-7", True),
        (f"identifier:of-type={V2_0203}|SS|MRN-7", False),
        ("identifier:text=medical", True),
        ("telecom=555-0100", True),
        ("phone=a@example.org", False),
        ("email=a@example.org", True),
        ("active=true", True),
        ("active=false", False),
        ("deceased=false", True),
        ("deceased=true", False),
        ("gender:missing=false", True),
        ("language:missing=true", True),
    ],
)
def test_identifiers_contacts_and_booleans_are_tokens_too(matches, query, expected):
    assert matches(PATIENT, query) is expected


def test_an_element_with_an_extension_only_is_missing(matches):
    absent = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
    }
    assert matches({"resourceType": "Patient", "_gender": absent}, "gender:missing=true")


ICD = "http://hl7.org/fhir/sid/icd-10-cm"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CONDITION = {
    "resourceType": "Condition",
    "code": {"coding": [{"system": ICD, "code": "E11.9"}]},
    "verificationStatus": {"coding": [{"system": VERIFICATION, "code": "provisional"}]},
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"code:below={ICD}|E11", True),
        (f"code:below={ICD}|E11.9", True),
        (f"code:below={ICD}|I10", False),
        (f"verification-status:below={VERIFICATION}|unconfirmed", True),
        (f"verification-status:above={VERIFICATION}|provisional", True),
        (f"verification-status:above={VERIFICATION}|unconfirmed", False),
        ("verification-status:in=http://hl7.org/fhir/ValueSet/condition-ver-status", True),
        ("verification-status:not-in=http://hl7.org/fhir/ValueSet/condition-ver-status", False),
        ("verification-status:in=http://hl7.org/fhir/ValueSet/condition-clinical", False),
        ("verification-status:not-in=http://hl7.org/fhir/ValueSet/condition-clinical", True),
    ],
)
def test_codes_are_found_by_value_set_and_hierarchy(matches, query, expected):
    assert matches(CONDITION, query) is expected


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("code=|", "bar alone"),
        ("code=a,", "empty token"),
        ("code:in=http://x", "not known here"),
        ("code:of-type=a|b", "no typed identifier"),
        ("code:text=a,", "empty text"),
    ],
)
def test_unusable_tokens_are_problems(problem, query, text):
    assert text in problem("Observation", query)
