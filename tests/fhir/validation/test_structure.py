import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.core.chance import Chance
from mockehr.core.clock import STEPPED_START
from mockehr.fhir.validate import MOST_ISSUES, check_models, check_structure
from mockehr.population.chart import draw_chart, medications, staff_of
from mockehr.population.population import Population

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
EXAMPLES = DATA / "us-core-6.1.0" / "example"
SYNTHEA = DATA / "synthea"
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"family": "Duck", "given": ["Dora", "May"]}],
    "gender": "female",
    "birthDate": "1980-02-29",
    "contact": [{"name": {"text": "Donald"}}],
    "generalPractitioner": [{"reference": "Practitioner/d1"}],
}


def found(changes, base=PATIENT):
    document = base | changes
    before = copy.deepcopy(document)
    issues = check_structure(document)
    assert document == before
    assert all(issue.text for issue in issues)
    return {(issue.expression, issue.code) for issue in issues if issue.fails}


def test_a_sound_patient_has_no_issues():
    assert found({}) == set()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"nmae": []}, {("Patient.nmae", "structure")}),
        ({"name": {"family": "Duck"}}, {("Patient.name", "structure")}),
        ({"name": []}, {("Patient.name", "structure")}),
        ({"name": [{}]}, {("Patient.name[0]", "structure")}),
        ({"name": [{"id": "only"}]}, {("Patient.name[0]", "structure")}),
        ({"name": [None]}, {("Patient.name[0]", "structure")}),
        ({"name": [{"family": ""}]}, {("Patient.name[0].family", "value")}),
        ({"name": [{"family": "a\x07b"}]}, {("Patient.name[0].family", "value")}),
        ({"name": [{"given": ["A", None]}]}, {("Patient.name[0].given[1]", "value")}),
        ({"name": [{"given": "A"}]}, {("Patient.name[0].given", "structure")}),
        ({"name": [{"use": "offical"}]}, {("Patient.name[0].use", "code-invalid")}),
        ({"gender": None}, {("Patient.gender", "value")}),
        ({"gender": ["female"]}, {("Patient.gender", "value")}),
        ({"birthDate": "1981-02-29"}, {("Patient.birthDate", "value")}),
        ({"deceasedBoolean": False, "deceasedDateTime": "2020"}, {("Patient.deceasedDateTime", "structure")}),
        ({"contact": [{"gender": "male"}]}, {("Patient.contact[0]", "invariant")}),
        ({"communication": [{"preferred": True}]}, {("Patient.communication[0].language", "required")}),
        ({"link": [{"other": {"reference": "Patient/2"}}]}, {("Patient.link[0].type", "required")}),
        ({"generalPractitioner": [{"reference": "Device/1"}]}, {("Patient.generalPractitioner[0]", "structure")}),
        (
            {"generalPractitioner": [{"reference": "just words"}]},
            {("Patient.generalPractitioner[0].reference", "value")},
        ),
        (
            {"generalPractitioner": [{"reference": "Doctor/1"}]},
            {("Patient.generalPractitioner[0].reference", "value")},
        ),
        ({"generalPractitioner": [{"type": "Device"}]}, {("Patient.generalPractitioner[0]", "structure")}),
        ({"generalPractitioner": [{"reference": "#x"}]}, {("Patient.generalPractitioner[0].reference", "invariant")}),
        ({"photo": [{"contentType": "image/png", "data": "a==="}]}, {("Patient.photo[0].data", "value")}),
        ({"multipleBirthInteger": 2**31}, {("Patient.multipleBirthInteger", "value")}),
        ({"multipleBirthInteger": 2.0}, {("Patient.multipleBirthInteger", "value")}),
        ({"identifier": [{"system": "a b"}]}, {("Patient.identifier[0].system", "value")}),
        ({"meta": {"lastUpdated": "2024-01-01"}}, {("Patient.meta.lastUpdated", "value")}),
        ({"text": {"status": "generated"}}, {("Patient.text.div", "required")}),
        ({"resourceType": "Pacient"}, {("Pacient", "not-supported")}),
    ],
)
def test_a_defect_is_told_where_it_is(changes, expected):
    assert found(changes) == expected


def test_an_unknown_element_is_told_with_the_nearest_name():
    (issue,) = check_structure(PATIENT | {"birthdate": "1980"})
    assert issue.expression == "Patient.birthdate"
    assert "birthDate" in issue.text


def test_a_wrong_code_is_told_with_the_nearest_one():
    (issue,) = check_structure(PATIENT | {"gender": "femal"})
    assert "female" in issue.text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"_birthDate": {"extension": [{"url": "http://example.org/x", "valueCode": "y"}]}}, set()),
        ({"_birthDate": {"id": "b"}}, set()),
        ({"_active": {"id": "b"}}, {("Patient.active", "structure")}),
        ({"_birthDate": []}, {("Patient.birthDate", "structure")}),
        ({"_birthDate": {"made": 1}}, {("Patient.birthDate.made", "structure")}),
        ({"_name": [{"id": "n"}]}, {("Patient._name", "structure")}),
        ({"_id": {"id": "n"}}, {("Patient._id", "structure")}),
        (
            {"name": [{"given": ["A", None], "_given": [None, {"extension": [{"url": "urn:x", "valueCode": "y"}]}]}]},
            set(),
        ),
        ({"name": [{"_given": [{"extension": [{"url": "urn:x", "valueCode": "y"}]}]}]}, set()),
        ({"name": [{"_given": [None]}]}, {("Patient.name[0].given[0]", "value")}),
        (
            {"name": [{"given": ["A"], "_given": [None, {"id": "x"}]}]},
            {("Patient.name[0].given", "structure"), ("Patient.name[0].given[1]", "structure")},
        ),
        ({"name": [{"given": ["A"], "_given": ["x"]}]}, {("Patient.name[0].given[0]", "structure")}),
        ({"name": [{"given": ["A"], "_given": []}]}, {("Patient.name[0].given", "structure")}),
    ],
)
def test_what_stands_beside_primitives_is_checked(changes, expected):
    assert found(changes) == expected


def test_an_extension_may_stand_for_a_required_primitive():
    absent = {"extension": [{"url": "http://example.org/x", "valueCode": "unknown"}]}
    assert found({"link": [{"other": {"reference": "Patient/2"}, "_type": absent}]}) == set()


@pytest.mark.parametrize(
    ("extension", "expected"),
    [
        ({"url": "urn:a", "valueString": "x"}, set()),
        ({"url": "urn:a", "_valueDate": {"extension": [{"url": "urn:b", "valueCode": "x"}]}}, set()),
        ({"url": "urn:a", "extension": [{"url": "b", "valueCode": "x"}]}, set()),
        ({"valueString": "x"}, {("Patient.extension[0].url", "required")}),
        ({"url": "urn:a"}, {("Patient.extension[0]", "invariant")}),
        (
            {"url": "urn:a", "valueString": "x", "extension": [{"url": "b", "valueCode": "x"}]},
            {("Patient.extension[0]", "invariant")},
        ),
        ({"url": "urn:a", "valueString": "x", "valueCode": "y"}, {("Patient.extension[0].valueCode", "structure")}),
        ({"url": "urn:a", "valueQuantity": {"value": "5"}}, {("Patient.extension[0].valueQuantity.value", "value")}),
        ({"url": "urn:a", "valueOid": "urn:oid:3.1"}, {("Patient.extension[0].valueOid", "value")}),
        ({"url": "urn:a", "valueUuid": "urn:uuid:1"}, {("Patient.extension[0].valueUuid", "value")}),
        ({"url": "urn:a", "valuePositiveInt": 0}, {("Patient.extension[0].valuePositiveInt", "value")}),
        ({"url": "urn:a", "valueUnsignedInt": -1}, {("Patient.extension[0].valueUnsignedInt", "value")}),
    ],
)
def test_an_extension_has_an_address_and_either_a_value_or_extensions(extension, expected):
    assert found({"extension": [extension]}) == expected


OWNER = {"resourceType": "Organization", "id": "o", "name": "O"}
SUBJECT = {
    "resourceType": "Observation",
    "id": "d",
    "status": "final",
    "code": {"text": "x"},
    "subject": {"reference": "#"},
}
UNNAMED = {("Patient.contained[0].id", "required"), ("Patient.managingOrganization.reference", "invariant")}
UNTYPED = {("Patient.contained[0].resourceType", "required"), ("Patient.contained[0]", "invariant")}


def holding(*inner):
    return {"contained": list(inner), "managingOrganization": {"reference": "#o"}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (holding(OWNER), set()),
        (holding({"resourceType": "Device", "id": "o"}), {("Patient.managingOrganization", "structure")}),
        (holding({"resourceType": "Organization", "name": "O"}), UNNAMED),
        (holding(OWNER, OWNER), {("Patient.contained[1].id", "duplicate")}),
        (holding(OWNER | {"meta": {"versionId": "1"}}), {("Patient.contained[0].meta.versionId", "invariant")}),
        (holding(OWNER | {"contained": [OWNER]}), {("Patient.contained[0].contained", "invariant")}),
        (holding(OWNER, {"resourceType": "Device", "id": "d"}), {("Patient.contained[1]", "invariant")}),
        (holding(OWNER, SUBJECT), set()),
        (holding({"resourceType": "Organization", "id": "o"}), {("Patient.contained[0]", "invariant")}),
        ({"contained": []}, {("Patient.contained", "structure")}),
        ({"contained": ["x"]}, {("Patient.contained[0]", "structure")}),
        ({"contained": [{"id": "x"}]}, UNTYPED),
    ],
)
def test_contained_resources_are_checked_and_belong_to_their_holder(changes, expected):
    assert found(changes) == expected


def test_resources_in_entries_of_bundles_are_checked_with_their_own_contained_ones():
    entry = PATIENT | holding(OWNER)
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": entry}, {"resource": entry}]}
    assert found({}, bundle) == set()
    bundle["entry"].append({"resource": PATIENT | {"managingOrganization": {"reference": "#o"}, "gender": "x"}})
    assert found({}, bundle) == {
        ("Bundle.entry[2].resource.gender", "code-invalid"),
        ("Bundle.entry[2].resource.managingOrganization.reference", "invariant"),
    }


def test_resources_in_parameters_are_checked():
    inner = {"name": "resource", "resource": {"resourceType": "Patient", "active": "yes"}}
    document = {"resourceType": "Parameters", "parameter": [{"name": "a", "part": [inner]}]}
    assert found({}, document) == {("Parameters.parameter[0].part[0].resource.active", "value")}


def test_required_bindings_of_concepts_want_one_coding_of_the_value_set():
    base = {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/1"}}
    system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
    at = ("AllergyIntolerance.clinicalStatus", "code-invalid")
    assert found({"clinicalStatus": {"coding": [{"system": system, "code": "active"}]}}, base) == set()
    assert found({"clinicalStatus": {"coding": [{"code": "x"}, {"system": system, "code": "active"}]}}, base) == set()
    assert found({"clinicalStatus": {"coding": [{"system": system, "code": "actve"}]}}, base) == {at}
    assert found({"clinicalStatus": {"coding": [{"code": "active"}]}}, base) == {at}
    assert found({"clinicalStatus": {"text": "active"}}, base) == {at}


def test_an_id_of_a_vendor_in_a_reference_is_only_a_warning():
    (issue,) = check_structure(PATIENT | {"generalPractitioner": [{"reference": "Practitioner/LIFE_LONG"}]})
    assert (issue.severity, issue.expression) == ("warning", "Patient.generalPractitioner[0].reference")


def test_invariants_are_asked_where_there_are_only_warnings_or_other_invariants():
    contact = {"relationship": [{"text": "x"}], "period": {"start": "2024", "end": "2020"}}
    doctor = {"reference": "Practitioner/LIFE_LONG"}
    document = {"contact": [contact], "generalPractitioner": [doctor], "gender": "x"}
    assert found(document) == {
        ("Patient.contact[0].period", "invariant"),
        ("Patient.contact[0]", "invariant"),
        ("Patient.gender", "code-invalid"),
    }


def test_the_walk_ends_after_as_many_issues_as_are_told():
    issues = check_structure(PATIENT | {"name": [{"use": "x"}] * (MOST_ISSUES * 10)})
    assert len(issues) == MOST_ISSUES + 1
    assert (issues[-1].code, issues[-1].severity) == ("incomplete", "warning")


def read(folder):
    if not folder.is_dir():
        pytest.skip(f"{folder.name} is not beside this checkout")
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]


def errors_of(document):
    return [issue for issue in check_structure(document) if issue.fails]


def test_the_examples_of_us_core_are_sound_here_and_for_the_models():
    documents = read(EXAMPLES)
    assert len(documents) > 180
    assert [document["id"] for document in documents if errors_of(document)] == []
    assert [document["id"] for document in documents if check_models(document)] == []


def test_bundles_of_synthea_are_sound():
    assert [errors_of(document) for document in read(SYNTHEA)] == [[], [], []]


def test_charts_and_directories_are_sound_here_and_for_the_models():
    chance = Chance("validation")
    population = Population(chance, 200, as_of=STEPPED_START)
    staff = staff_of(population.directory.resources)
    charts = [draw_chart(chance, population.person(index), staff, as_of=STEPPED_START) for index in range(12)]
    shared = [one for shelf in population.directory.resources.values() for one in shelf] + list(medications())
    documents = [resource for chart in charts for resource in chart.resources] + shared
    assert len(documents) > 500
    assert [(one["id"], errors_of(one)) for one in documents if errors_of(one)] == []
    assert [
        one["id"] for one in [*charts[0].resources, *charts[1].resources, *shared[:40]] if check_models(one)
    ] == []


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.just([]),
    st.just({}),
    st.just([None]),
)


@given(st.data())
def test_no_document_makes_it_raise_and_none_is_changed(data):
    period = {"start": "2024", "end": "2025", "_end": {"id": "e"}}
    ratio = {"numerator": {"value": 1}, "denominator": {"value": 2}}
    document = {
        "resourceType": "Bundle",
        "type": "history",
        "entry": [
            {
                "fullUrl": "urn:x",
                "resource": PATIENT | holding(OWNER, SUBJECT | {"valueRatio": ratio, "component": [{"code": {}}]}),
                "request": {"method": "GET", "url": "x"},
                "response": {"status": "200"},
            },
            {"resource": {"resourceType": "Condition", "onsetPeriod": period, "stage": [{}], "category": [{}]}},
        ],
    }
    document = copy.deepcopy(document)  # what it is made of is everybody's, and is about to be spoilt
    for _ in range(data.draw(st.integers(1, 4))):
        node = document
        while data.draw(st.integers(0, 3)):
            inner = [
                item for item in (node.values() if isinstance(node, dict) else node) if isinstance(item, dict | list)
            ]
            if not inner:
                break
            node = data.draw(st.sampled_from(inner))
        if node:
            key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
            node[key] = data.draw(JUNK)
    before = copy.deepcopy(document)
    assert isinstance(check_structure(document), list)
    assert repr(document) == repr(before)
