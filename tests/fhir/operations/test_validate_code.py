"""`$validate-code` of code systems and value sets."""

from __future__ import annotations

from typing import Any

import pytest

GENDER = "http://hl7.org/fhir/administrative-gender"
GENDERS = "http://hl7.org/fhir/ValueSet/administrative-gender"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@pytest.mark.parametrize(
    ("query", "result", "says"),
    [
        (f"/ValueSet/$validate-code?url={GENDERS}&system={GENDER}&code=male", True, ""),
        (f"/ValueSet/$validate-code?url={GENDERS}&system={GENDER}&code=male&display=MALE", True, ""),
        (f"/ValueSet/$validate-code?url={GENDERS}&system={GENDER}&code=male&display=Mail", False, "not called"),
        (f"/ValueSet/$validate-code?url={GENDERS}&system={GENDER}&code=m", False, "not in the value set"),
        (f"/ValueSet/$validate-code?url={GENDERS}&system={GENDER}&systemVersion=9&code=male", False, "version 9"),
        ("/ValueSet/$validate-code?context=Patient.gender&code=male", True, ""),
        ("/ValueSet/$validate-code?context=http://hl7.org/fhir/StructureDefinition/Patient%23Patient.gender&code=x", False, "not in"),  # noqa: E501
        ("/ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/condition-severity&system=http://snomed.info/sct&code=24484000", False, "does not tell"),  # noqa: E501
        (f"/CodeSystem/$validate-code?url={GENDER}&code=male", True, ""),
        (f"/CodeSystem/$validate-code?url={GENDER}&code=x", False, "no code of"),
        ("/CodeSystem/$validate-code?url=http://loinc.org&code=x", False, "only some"),
        ("/CodeSystem/$validate-code?url=https://example.org/none&code=x", False, "not known here"),
        (f"/CodeSystem/$validate-code?url={ACT}&code=_ActEncounterCode", True, ""),
        (f"/CodeSystem/$validate-code?url={ACT}&code=_ActEncounterCode&abstract=false", False, "abstract"),
    ],
)  # fmt: skip
def test_the_result_says_why(made: Any, call: Any, values: Any, query: str, result: bool, says: str) -> None:
    told = call(made(), query)
    assert values(told, "result") == [result]
    message = values(told, "message")
    assert says in message[0] if says else not message


def test_a_concept_is_valid_by_any_of_its_codings(made: Any, call: Any, values: Any) -> None:
    concept = {"coding": [{"system": "http://example.org", "code": "x"}, {"system": GENDER, "code": "female"}]}
    told = call(made(), f"/ValueSet/$validate-code?url={GENDERS}", codeableConcept={"valueCodeableConcept": concept})
    assert values(told, "result") == [True]
    assert values(told, "display") == ["Female"]


def test_a_value_set_can_be_sent_along_or_stored(made: Any, call: Any, values: Any) -> None:
    site = made()
    document = {
        "resourceType": "ValueSet", "id": "own", "url": "https://example.org/own", "status": "active",
        "compose": {"include": [{"system": "https://example.org/s", "concept": [{"code": "a", "display": "Ah"}]}]},
    }  # fmt: skip
    coding = {"valueCoding": {"system": "https://example.org/s", "code": "a", "display": "ah"}}
    told = call(site, "/ValueSet/$validate-code", valueSet={"resource": document}, coding=coding)
    assert values(told, "result") == [True]
    site.store.commit(document, kind="create", source="control")
    for path in ("/ValueSet/own/$validate-code", "/ValueSet/$validate-code?url=https://example.org/own"):
        assert values(call(site, path, coding=coding), "result") == [True]


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ("/ValueSet/$validate-code?code=male", 400, "parameter-missing"),
        (f"/ValueSet/$validate-code?url={GENDERS}", 400, "parameter-missing"),
        (f"/ValueSet/$validate-code?url={GENDERS}&code=male", 400, "parameter-missing"),
        ("/ValueSet/$validate-code?url=https://example.org/none&system=x&code=male", 404, "not-found"),
        ("/ValueSet/none/$validate-code?system=x&code=male", 404, "not-found"),
        ("/ValueSet/$validate-code?context=Patient.name&code=male", 404, "not-found"),
        ("/CodeSystem/none/$validate-code?code=male", 404, "not-found"),
        ("/CodeSystem/$validate-code?code=male", 400, "parameter-missing"),
        (f"/CodeSystem/$validate-code?url={GENDER}&system={ACT}&code=male", 400, "parameter-conflict"),
        (f"/CodeSystem/$validate-code?url={GENDER}&code=male&abstract=maybe", 400, "parameter-invalid"),
    ],
)
def test_a_call_that_cannot_be_answered_is_refused(made: Any, call: Any, query: str, status: int, kind: str) -> None:
    problem = call(made(), query)
    assert (problem.status, problem.kind) == (status, kind)


def test_codings_of_another_system_than_the_one_asked_are_refused(made: Any, call: Any) -> None:
    coding = {"valueCoding": {"system": ACT, "code": "AMB"}}
    assert call(made(), f"/CodeSystem/$validate-code?url={GENDER}", coding=coding).kind == "parameter-conflict"
    assert (
        call(made(), f"/CodeSystem/$validate-code?url={GENDER}&code=male", coding=coding).kind == "parameter-conflict"
    )
