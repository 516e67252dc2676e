import pytest

from mockehr.fhir.validate import check_structure
from mockehr.fhir.validation.invariants import RULES

PATIENT = {"reference": "Patient/1"}
TEXT = {"text": "x"}
OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "urn:s", "code": "c"}]},
}
CONDITION = {"resourceType": "Condition", "subject": PATIENT}
TERMS = "http://terminology.hl7.org/CodeSystem/"
ALLERGY = {
    "resourceType": "AllergyIntolerance",
    "patient": PATIENT,
    "clinicalStatus": {"coding": [{"system": TERMS + "allergyintolerance-clinical", "code": "active"}]},
}
VOID_ALLERGY = {"coding": [{"system": TERMS + "allergyintolerance-verification", "code": "entered-in-error"}]}
VOID_CONDITION = {"coding": [{"system": TERMS + "condition-ver-status", "code": "entered-in-error"}]}
BUNDLE = {"resourceType": "Bundle", "type": "collection"}
LIST = {"resourceType": "List", "status": "current", "mode": "snapshot"}
QUESTIONS = {"resourceType": "Questionnaire", "status": "draft"}
PARAMETERS = {"resourceType": "Parameters"}
APPOINTMENT = {
    "resourceType": "Appointment",
    "status": "proposed",
    "participant": [{"actor": PATIENT, "status": "accepted"}],
}
REQUEST = {"method": "GET", "url": "Patient/1"}
UCUM = "http://unitsofmeasure.org"


def timing(**repeat):
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "subject": PATIENT,
        "medicationCodeableConcept": TEXT,
        "dosageInstruction": [{"timing": {"repeat": repeat}}],
    }


def entry(**parts):
    return BUNDLE | {"entry": [parts]}


def item(**parts):
    return QUESTIONS | {"item": [{"linkId": "1"} | parts]}


def address(**parts):
    return {"resourceType": "Organization", "name": "O"} | parts


def broken(document):
    """The keys of the invariants that a document breaks."""
    issues = check_structure(document)
    assert {issue.code for issue in issues} <= {"invariant"}, issues
    return {issue.text.rpartition("(")[2].rstrip(")") for issue in issues}


CASES = {
    "age-1": (
        {"resourceType": "Condition", "subject": PATIENT, "onsetAge": {"value": 5, "system": UCUM, "code": "a"}},
        {"resourceType": "Condition", "subject": PATIENT, "onsetAge": {"value": 0, "system": UCUM, "code": "a"}},
    ),
    "ait-1": (ALLERGY, {key: value for key, value in ALLERGY.items() if key != "clinicalStatus"}),
    "ait-2": (ALLERGY, ALLERGY | {"verificationStatus": VOID_ALLERGY}),
    "app-1": (APPOINTMENT, APPOINTMENT | {"participant": [{"status": "accepted"}]}),
    "app-2": (APPOINTMENT, APPOINTMENT | {"end": "2024-01-01T10:00:00Z"}),
    "app-3": (APPOINTMENT, APPOINTMENT | {"status": "booked"}),
    "app-4": (
        APPOINTMENT | {"status": "cancelled", "cancelationReason": TEXT},
        APPOINTMENT | {"cancelationReason": TEXT},
    ),
    "att-1": (
        {"resourceType": "Patient", "photo": [{"data": "AAAA", "contentType": "image/png"}]},
        {"resourceType": "Patient", "photo": [{"data": "AAAA"}]},
    ),
    "bdl-1": (BUNDLE | {"type": "searchset", "total": 0}, BUNDLE | {"total": 0}),
    "bdl-2": (
        {**entry(resource={"resourceType": "Patient"}, search={"mode": "match"}), "type": "searchset"},
        entry(resource={"resourceType": "Patient"}, search={"mode": "match"}),
    ),
    "bdl-3": ({**entry(request=REQUEST), "type": "batch"}, entry(request=REQUEST)),
    "bdl-4": ({**entry(response={"status": "200"}), "type": "batch-response"}, entry(response={"status": "200"})),
    "bdl-5": (entry(resource={"resourceType": "Patient"}), entry(fullUrl="urn:x")),
    "bdl-7": (
        BUNDLE
        | {
            "entry": [
                {"fullUrl": f"http://example.org/Patient/{n}", "resource": {"resourceType": "Patient"}}
                for n in (1, 2)
            ]
        },
        BUNDLE
        | {"entry": [{"fullUrl": "http://example.org/Patient/1", "resource": {"resourceType": "Patient"}}] * 2},
    ),
    "bdl-8": (
        entry(fullUrl="http://example.org/Patient/1", resource={"resourceType": "Patient"}),
        entry(fullUrl="http://example.org/Patient/1/_history/2", resource={"resourceType": "Patient"}),
    ),
    "con-3": (
        CONDITION
        | {"category": [{"coding": [{"system": TERMS + "condition-category", "code": "encounter-diagnosis"}]}]},
        CONDITION
        | {"category": [{"coding": [{"system": TERMS + "condition-category", "code": "problem-list-item"}]}]},
    ),
    "con-4": (
        CONDITION
        | {
            "abatementString": "x",
            "clinicalStatus": {"coding": [{"system": TERMS + "condition-clinical", "code": "resolved"}]},
        },
        CONDITION | {"abatementString": "x"},
    ),
    "con-5": (
        CONDITION | {"verificationStatus": VOID_CONDITION},
        CONDITION
        | {
            "verificationStatus": VOID_CONDITION,
            "clinicalStatus": {"coding": [{"system": TERMS + "condition-clinical", "code": "active"}]},
        },
    ),
    "cpt-2": (
        {"resourceType": "Patient", "telecom": [{"system": "phone", "value": "555-0100"}]},
        {"resourceType": "Patient", "telecom": [{"value": "555-0100"}]},
    ),
    "ext-1": (
        {"resourceType": "Patient", "extension": [{"url": "urn:a", "valueCode": "x"}]},
        {"resourceType": "Patient", "extension": [{"url": "urn:a"}]},
    ),
    "inv-1": (
        PARAMETERS | {"parameter": [{"name": "a", "valueCode": "x"}]},
        PARAMETERS | {"parameter": [{"name": "a"}]},
    ),
    "lst-1": (LIST | {"emptyReason": TEXT}, LIST | {"emptyReason": TEXT, "entry": [{"item": PATIENT}]}),
    "lst-2": (
        LIST | {"mode": "changes", "entry": [{"item": PATIENT, "deleted": True}]},
        LIST | {"entry": [{"item": PATIENT, "deleted": True}]},
    ),
    "lst-3": (
        LIST | {"mode": "working", "entry": [{"item": PATIENT, "date": "2024"}]},
        LIST | {"entry": [{"item": PATIENT, "date": "2024"}]},
    ),
    "obs-3": (OBSERVATION | {"referenceRange": [{"text": "x"}]}, OBSERVATION | {"referenceRange": [{"type": TEXT}]}),
    "obs-6": (OBSERVATION | {"dataAbsentReason": TEXT}, OBSERVATION | {"dataAbsentReason": TEXT, "valueString": "x"}),
    "obs-7": (
        OBSERVATION | {"component": [{"code": OBSERVATION["code"]}]},
        OBSERVATION | {"component": [{"code": OBSERVATION["code"]}], "valueString": "x"},
    ),
    "org-1": (address(), {"resourceType": "Organization", "active": True}),
    "org-2": (address(address=[{"use": "work"}]), address(address=[{"use": "home"}])),
    "org-3": (
        address(telecom=[{"use": "work", "system": "phone", "value": "555-0100"}]),
        address(telecom=[{"use": "home", "system": "phone", "value": "555-0100"}]),
    ),
    "pat-1": (
        {"resourceType": "Patient", "contact": [{"name": {"text": "x"}}]},
        {"resourceType": "Patient", "contact": [{"relationship": [TEXT]}]},
    ),
    "per-1": (
        OBSERVATION | {"effectivePeriod": {"start": "2024-03-14T10:00:00Z", "end": "2024-03-14"}},
        OBSERVATION | {"effectivePeriod": {"start": "2024-03-14T10:00:00Z", "end": "2024-03-13T10:00:00Z"}},
    ),
    "qty-3": (
        OBSERVATION | {"valueQuantity": {"value": 1, "system": UCUM, "code": "mg"}},
        OBSERVATION | {"valueQuantity": {"value": 1, "code": "mg"}},
    ),
    "que-1": (item(type="group", item=[{"linkId": "2", "type": "string"}]), item(type="group")),
    "que-2": (item(type="string"), QUESTIONS | {"item": [{"linkId": "1", "type": "string"}] * 2}),
    "que-5": (
        item(type="choice", answerOption=[{"valueString": "a"}]),
        item(type="boolean", answerOption=[{"valueString": "a"}]),
    ),
    "que-6": (item(type="string", required=True), item(type="display", required=True)),
    "rat-1": (
        OBSERVATION | {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 2}}},
        OBSERVATION | {"valueRatio": {"numerator": {"value": 1}}},
    ),
    "rng-2": (
        OBSERVATION | {"valueRange": {"low": {"value": 1}, "high": {"value": 2}}},
        OBSERVATION | {"valueRange": {"low": {"value": 3}, "high": {"value": 2}}},
    ),
    "tim-1": (timing(duration=1, durationUnit="h"), timing(duration=1)),
    "tim-2": (timing(period=1, periodUnit="h"), timing(period=1)),
    "tim-4": (timing(duration=0, durationUnit="h"), timing(duration=-1, durationUnit="h")),
    "tim-5": (timing(period=0, periodUnit="h"), timing(period=-1, periodUnit="h")),
    "tim-6": (timing(period=1, periodMax=2, periodUnit="h"), timing(periodMax=2)),
    "tim-7": (timing(duration=1, durationMax=2, durationUnit="h"), timing(durationMax=2)),
    "tim-8": (timing(count=1, countMax=2), timing(countMax=2)),
    "tim-9": (timing(offset=5, when=["HS"]), timing(offset=5, when=["C"])),
    "tim-10": (timing(when=["HS"]), timing(when=["HS"], timeOfDay=["10:00:00"])),
}


@pytest.mark.parametrize("key", CASES)
def test_an_invariant_tells_the_bad_from_the_good(key):
    good, bad = CASES[key]
    assert broken(good) == set()
    assert broken(bad) == {key}


def test_documents_and_messages_begin_with_their_heads():
    patient = {"resource": {"resourceType": "Patient"}}
    assert broken(BUNDLE | {"type": "document", "entry": [patient]}) == {"bdl-9", "bdl-10", "bdl-11"}
    assert broken(BUNDLE | {"type": "message", "entry": [patient]}) == {"bdl-12"}


def test_a_day_and_an_instant_of_another_zone_are_not_compared_too_closely():
    period = {"start": "2024-03-14T22:00:00-05:00", "end": "2024-03-14"}
    assert broken(OBSERVATION | {"effectivePeriod": period}) == set()


def test_every_rule_has_words_and_a_key_of_its_structure():
    rules = [rule for rules in RULES.values() for rule in rules]
    assert all(rule.text and "-" in rule.key for rule in rules)
    for name, own in RULES.items():
        assert len({rule.key for rule in own}) == len(own), name
