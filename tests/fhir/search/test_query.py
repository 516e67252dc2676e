import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.fhir.search import Include, compile_query, definitions

MEDICATION_REQUEST = {
    "resourceType": "MedicationRequest",
    "subject": {"reference": "Patient/1"},
    "medicationReference": {"reference": "Medication/m"},
    "requester": {"reference": "Practitioner/p"},
}


def test_every_criterion_has_to_hold():
    query = compile_query("Patient", "family=smi&gender=male", strict=True)
    assert query.matches({"name": [{"family": "Smith"}], "gender": "male"})
    assert not query.matches({"name": [{"family": "Smith"}], "gender": "female"})
    assert [(criterion.name, criterion.kind) for criterion in query.criteria] == [
        ("family", "string"),
        ("gender", "token"),
    ]


def test_a_repeated_parameter_has_to_hold_each_time():
    query = compile_query("Patient", [("given", "a"), ("given", "b")], strict=True)
    assert query.matches({"name": [{"given": ["Ann", "Bea"]}]})
    assert not query.matches({"name": [{"given": ["Ann"]}]})


def test_criteria_carry_their_parsed_values():
    query = compile_query("Observation", "patient=1,Patient/2&code=http://loinc.org|7&date=ge2024", strict=True)
    patient, code, date = query.criteria
    assert [(value.type, value.id) for value in patient.values] == [("", "1"), ("Patient", "2")]
    assert code.values == (("http://loinc.org", "7"),)
    assert date.values[0].prefix == "ge"


def test_result_parameters_are_read_and_select_nothing():
    text = "_count=20&_sort=-birthdate,family&_summary=data&_elements=name,Patient.gender&_total=accurate"
    text += "&_format=json&_pretty=true"
    query = compile_query("Patient", text, strict=True)
    assert query.problems == ()
    assert query.criteria == ()
    assert query.count == 20
    assert [(rule.name, rule.descending) for rule in query.sort] == [("birthdate", True), ("family", False)]
    assert (query.summary, query.elements, query.total) == ("data", ("name", "gender"), "accurate")
    assert (query.format, query.pretty) == ("json", True)


def test_unknown_parameters_are_problems_only_when_strict():
    lenient = compile_query("Patient", "familly=x&gender=male&_sort=foo&_include=Patient:foo", strict=False)
    assert lenient.unknown == ("familly", "_sort=foo", "_include=Patient:foo")
    assert lenient.problems == ()
    strict = compile_query("Patient", "familly=x&gender=male&_sort=foo&_include=Patient:foo", strict=True)
    assert [problem.kind for problem in strict.problems] == [
        "parameter-unknown",
        "parameter-invalid",
        "parameter-invalid",
    ]
    assert "did you mean family" in strict.problems[0].text
    assert strict.problems[0].parameter == "familly"
    assert len(strict.criteria) == 1


def test_a_parameter_without_a_value_is_left_out_unless_strict():
    assert compile_query("Patient", "family=&_count=", strict=False).problems == ()
    assert compile_query("Patient", "family=", strict=False).criteria == ()
    assert "no value" in compile_query("Patient", "family=", strict=True).problems[0].text


@pytest.mark.parametrize(
    "query",
    [
        "_count=-1",
        "_count=x",
        "_count=9999999999",
        "_count=²",
        "_summary=some",
        "_total=all",
        "_include=x",
        "_include:foo=Patient:link",
    ],
)
def test_unusable_result_parameters_are_problems(query):
    (problem,) = compile_query("Patient", query, strict=False).problems
    assert problem.kind == "parameter-invalid"
    assert problem.value == query.partition("=")[2]


def test_includes_name_the_references_to_follow():
    text = "_include=MedicationRequest:medication&_include:iterate=Patient:organization&_revinclude=Provenance:target"
    query = compile_query("MedicationRequest", text, strict=True)
    assert query.include == (
        Include("MedicationRequest", "medication", "", False),
        Include("Patient", "organization", "", True),
    )
    assert query.revinclude == (Include("Provenance", "target", "", False),)
    assert query.include[0].references(MEDICATION_REQUEST) == [("Medication", "m")]
    assert query.include[1].references(MEDICATION_REQUEST) == []


def test_an_include_may_be_narrowed_to_a_type_or_widened_to_all():
    (include,) = compile_query(
        "MedicationRequest", "_include=MedicationRequest:requester:Organization", strict=True
    ).include
    assert include.references(MEDICATION_REQUEST) == []
    (include,) = compile_query("MedicationRequest", "_include=*", strict=True).include
    assert set(include.references(MEDICATION_REQUEST)) == {
        ("Patient", "1"),
        ("Medication", "m"),
        ("Practitioner", "p"),
    }


def test_ordering_is_stable_and_puts_what_has_no_value_last():
    patients = [
        {"id": "a", "birthDate": "1950", "name": [{"family": "B"}]},
        {"id": "b", "name": [{"family": "A"}]},
        {"id": "c", "birthDate": "1990-01-01", "name": [{"family": "a"}]},
        {"id": "d", "birthDate": "1950-01-01", "name": [{"family": "Z"}]},
    ]

    def order(rule):
        query = compile_query("Patient", f"_sort={rule}", strict=True)
        return "".join(patient["id"] for patient in query.ordered(patients, lambda patient: patient))

    assert order("birthdate") == "dacb"
    assert order("-birthdate") == "cadb"
    assert order("family") == "bcad"
    assert order("family,-birthdate") == "cbad"
    assert order("-_id") == "dcba"


def test_every_parameter_can_be_sorted_by():
    resource = {
        "resourceType": "Observation",
        "valueQuantity": {"value": 2},
        "code": {"coding": [{"code": "x"}]},
        "subject": {"reference": "Patient/1"},
        "effectiveDateTime": "2024",
    }
    for name in definitions("Observation"):
        query = compile_query("Observation", f"_sort={name}", strict=True)
        assert query.ordered([resource, {}, resource], lambda item: item) in (
            [resource, resource, {}],
            [resource, {}, resource],
        )


words = st.sampled_from(
    [
        "family",
        "birthdate",
        "patient",
        "code",
        "value-quantity",
        "_sort",
        "_count",
        "_include",
        "_id",
        "date",
        "code-value-quantity",
        "subject",
        "_profile",
        "deceased",
        "foo",
    ]
)
keys = st.builds(
    "{}{}{}".format,
    words,
    st.sampled_from(["", ":not", ":missing", ":exact", ":Patient", ":", ":identifier", ":below", ":of-type"]),
    st.sampled_from(["", ".name", ".a.b", "."]),
)
hints = st.sampled_from(
    ["ge2024", "|", "$", ",", "\\", "Patient/1", "1e9", "ap", "true", "http://", "-", "9999-12-31"]
)
values = st.lists(st.text(max_size=4) | hints, max_size=4).map("".join)
resources = st.sampled_from(
    [
        {},
        None,
        "text",
        {"name": "x", "birthDate": 5, "code": [None, {"coding": {"code": 1}}], "subject": [{"reference": []}]},
        {"valueQuantity": {"value": float("nan")}, "effectivePeriod": {"start": []}, "meta": [{"profile": {}}]},
        {"code": {"coding": [{"system": ["x"], "code": "y"}]}, "component": [[], {"code": 3}]},
        {"identifier": [{"value": "7", "type": "MR", "system": {}}], "effectiveTiming": {"repeat": [], "event": {}}},
    ]
)


@given(
    st.lists(st.tuples(keys | st.text(max_size=6), values), max_size=3),
    st.sampled_from(["Patient", "Observation", "Foo"]),
    st.booleans(),
    resources,
)
def test_no_query_and_no_resource_ever_raise(pairs, resource_type, strict, resource):
    query = compile_query(
        resource_type, pairs, strict=strict, base_url="http://x", now=0.0, resolve=lambda kind, key: {}
    )
    assert query.matches(resource) in (True, False)
    assert query.ordered([resource, resource], lambda item: item) == [resource, resource]
    named = [parameter.key for parameter in query.parameters]
    assert all(problem.parameter in named for problem in query.problems)


@given(st.text())
def test_no_query_string_raises(text):
    compile_query("Patient", text, strict=True)


def test_an_include_that_is_repeated_is_followed_once():
    text = "&".join(["_include=Patient:organization", "_revinclude=Observation:patient"] * 300)
    query = compile_query("Patient", text, strict=True)
    assert query.include == (Include("Patient", "organization", "", False),)
    assert query.revinclude == (Include("Observation", "patient", "", False),)


@pytest.mark.parametrize("name", ["_text", "_content", "_filter", "_query", "_list", "phonetic"])
def test_what_is_not_offered_is_told_with_the_reason_when_strict(name):
    (problem,) = compile_query("Patient", f"{name}=x", strict=True).problems
    assert problem.kind == "parameter-unknown"
    assert ": " in problem.text
    assert compile_query("Patient", f"{name}=x", strict=False).unknown == (name,)


def test_too_many_parameters_are_one_problem():
    query = compile_query("Patient", "&".join(["gender=x"] * 1001), strict=False)
    assert [(problem.status, problem.kind) for problem in query.problems] == [(400, "bad-request")]
    assert query.criteria == ()


def test_contained_resources_are_asked_for_in_known_words():
    query = compile_query("Medication", "_contained=both&_containedType=contained", strict=True)
    assert (query.problems, query.contained, query.contained_type) == ((), "both", "contained")
    for text in ("_contained=yes", "_containedType=x"):
        (problem,) = compile_query("Medication", text, strict=False).problems
        assert "is none of" in problem.text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("_include=Foo:bar", "Foo is no resource type"),
        ("_include=Encounter:subject:Foo", "Foo is no resource type"),
        ("_include=Encounter:subject:Location", "never to Location"),
        ("_include:x=Encounter:subject", "modifier :x is not supported"),
        ("_include=Encounter", "write Type:parameter"),
    ],
)
def test_includes_that_lead_nowhere_are_refused_when_strict(text, fault):
    (problem,) = compile_query("Encounter", text, strict=True).problems
    assert fault in problem.text


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("code:in=http://x", "the value set http://x is not known"),
        ("code:not-in=http://x", "the value set http://x is not known"),
        ("code:below=E11", "write system|code"),
        ("code:above=http://x|E11", "no hierarchy of http://x"),
    ],
)
def test_terminology_that_is_not_known_is_refused_with_the_reason(query, reason):
    (problem,) = compile_query("Condition", query, strict=False).problems
    assert reason in problem.text
