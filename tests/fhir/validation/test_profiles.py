import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.core.chance import Chance
from mockehr.core.clock import STEPPED_START
from mockehr.fhir.validate import check_profile, known_profile, profile_urls
from mockehr.population.chart import draw_chart, staff_of
from mockehr.population.population import Population

EXAMPLES = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "us-core-6.1.0" / "example"
BASE = "http://hl7.org/fhir/us/core/StructureDefinition/"
LOINC = "http://loinc.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
PATIENT = {
    "resourceType": "Patient",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "1"}],
    "name": [{"family": "Duck"}],
    "gender": "female",
}


def pressure(code, value=120):
    quantity = {"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    return {"code": {"coding": [{"system": LOINC, "code": code}]}, "valueQuantity": quantity}


BLOOD_PRESSURE = {
    "resourceType": "Observation",
    "status": "final",
    "category": [{"coding": [{"system": CATEGORY, "code": "vital-signs"}]}],
    "code": {"coding": [{"system": LOINC, "code": "85354-9"}]},
    "subject": {"reference": "Patient/1"},
    "effectiveDateTime": "2024-01-01",
    "component": [pressure("8480-6"), pressure("8462-4", 80)],
}


def found(document, profile):
    before = copy.deepcopy(document)
    issues = check_profile(document, BASE + profile)
    assert document == before
    return {(issue.expression, issue.code) for issue in issues}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"identifier": [{"value": "1"}]}, {("Patient.identifier[0].system", "required")}),
        ({"gender": None}, set()),
        ({"telecom": [{"system": "phone"}]}, {("Patient.telecom[0].value", "required")}),
        ({"name": []}, {("Patient.name", "required")}),
    ],
)
def test_elements_of_the_patient_that_have_to_be_there(changes, expected):
    assert found(PATIENT | changes, "us-core-patient") == expected


def test_an_extension_stands_for_what_has_to_be_there():
    absent = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
    }
    document = {key: value for key, value in PATIENT.items() if key != "gender"}
    assert found(document, "us-core-patient") == {("Patient.gender", "required")}
    assert found(document | {"_gender": absent}, "us-core-patient") == set()


def race(*parts):
    return PATIENT | {"extension": [{"url": BASE + "us-core-race", "extension": list(parts)}]}


RACE_TEXT = {"url": "text", "valueString": "x"}


def category(code):
    return {"url": "ombCategory", "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": code}}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([RACE_TEXT, category("2028-9")], set()),
        ([category("2028-9")], {("extension", "required")}),
        ([RACE_TEXT, RACE_TEXT], {("extension", "structure")}),
        ([RACE_TEXT, category("x")], {("extension[1].valueCoding", "code-invalid")}),
        ([{"url": "text", "valueCode": "x"}], {("extension[0].valueCode", "structure")}),
        ([{"url": "text"}], {("extension[0].value[x]", "required")}),
    ],
)
def test_the_profiles_of_extensions_are_followed(parts, expected):
    assert found(race(*parts), "us-core-patient") == {(f"Patient.extension[0].{at}", code) for at, code in expected}


ODD = pressure("8462-4") | {"valueQuantity": {"value": 5, "unit": "x", "system": "y"}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"category": []}, {("category", "required")}),
        ({"category": [{"text": "x"}]}, {("category", "required")}),
        ({"code": {"text": "x"}}, {("code", "value")}),
        ({"subject": {"reference": "Device/1"}}, {("subject", "structure")}),
        ({"effectiveDateTime": None, "effectiveInstant": "x"}, {("effectiveInstant", "structure")}),
        ({"component": [pressure("8480-6")] * 2}, {("component", "structure"), ("component", "required")}),
        ({"component": [pressure("8480-6"), pressure("8462-4"), pressure("x")]}, set()),
        (
            {"component": [pressure("8480-6"), ODD]},
            {("component[1].valueQuantity.code", "required"), ("component[1].valueQuantity.system", "value")},
        ),
    ],
)
def test_slices_patterns_targets_and_choices_of_a_blood_pressure(changes, expected):
    issues = found(BLOOD_PRESSURE | changes, "us-core-blood-pressure")
    assert issues == {(f"Observation.{at}", code) for at, code in expected}


def test_bindings_of_a_profile_are_narrower_than_those_of_r4():
    status = {"resourceType": "Observation", "status": "registered"}
    assert ("Observation.status", "code-invalid") in found(status, "us-core-smokingstatus")
    assert ("Observation.status", "code-invalid") not in found(status | {"status": "final"}, "us-core-smokingstatus")


def test_an_unknown_profile_and_one_of_another_type_are_issues():
    (issue,) = check_profile(PATIENT, BASE + "us-core-pacient")
    assert (issue.code, issue.severity) == ("not-found", "error")
    assert "us-core-patient" in issue.text
    (issue,) = check_profile(PATIENT, BASE + "us-core-goal")
    assert issue.code == "invalid"


def test_a_profile_is_known_with_and_without_its_version_and_tells_what_it_supports():
    profile = known_profile(BASE + "us-core-patient|6.1.0")
    assert profile is known_profile(BASE + "us-core-patient")
    assert (profile.type, profile.url) == ("Patient", BASE + "us-core-patient")
    assert {"name.family", "birthDate", "communication.language"} <= set(profile.must_support)
    assert len(profile_urls()) == 59


def test_every_profile_of_the_table_can_be_read_and_most_ask_for_something_to_be_there():
    profiles = [known_profile(url) for url in profile_urls()]
    assert {profile.url for profile in profiles if not profile.parts} == {BASE + "us-core-immunization"}
    bare = {profile.url for profile in profiles if not check_profile({"resourceType": profile.type}, profile.url)}
    assert len(bare) < 10
    assert BASE + "us-core-patient" not in bare


def test_the_examples_of_us_core_follow_the_profiles_that_they_claim():
    if not EXAMPLES.is_dir():
        pytest.skip("the US Core examples are not beside this checkout")
    claims, bad = 0, {}
    for path in sorted(EXAMPLES.glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        for url in document.get("meta", {}).get("profile", ()):
            if known_profile(url) is not None:
                claims += 1
                if check_profile(document, url):
                    bad[path.name] = check_profile(document, url)
    assert claims > 160
    assert bad == {}


def test_charts_follow_the_profiles_that_they_claim():
    chance = Chance("profiles")
    population = Population(chance, 200, as_of=STEPPED_START)
    staff = staff_of(population.directory.resources)
    seen = set()
    for index in range(15):
        for resource in draw_chart(chance, population.person(index), staff, as_of=STEPPED_START).resources:
            for url in resource.get("meta", {}).get("profile", ()):
                seen.add(url)
                assert check_profile(resource, url) == [], resource["id"]
    assert len(seen) > 20


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["coding", "system", "code", "extension", "url", "reference", "type", "valueQuantity"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["category", "code", "subject", "component", "effectiveDateTime"]), anything),
    st.sampled_from(profile_urls()),
)
def test_no_document_makes_it_raise(changes, url):
    check_profile(BLOOD_PRESSURE | changes | {"resourceType": known_profile(url).type}, url)
