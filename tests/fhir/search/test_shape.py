"""`_summary` and `_elements`: what is left of a resource, and that the resource itself stays as it is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mockehr.fhir.search import compile_query, shaped

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "meta": {"versionId": "1", "tag": [{"system": "urn:x", "code": "kept"}]},
    "text": {"status": "generated", "div": "<div/>"},
    "contained": [{"resourceType": "Device", "id": "d"}],
    "extension": [{"url": "http://x", "valueString": "y"}],
    "status": "final",
    "_status": {"id": "s"},
    "code": {"text": "Weight"},
    "subject": {"reference": "Patient/1"},
    "valueQuantity": {"value": 5},
    "note": [{"text": "a note"}],
    "component": [
        {"code": {"text": "part"}, "valueString": "v", "referenceRange": [{"text": "r"}], "interpretation": []},
    ],
}
SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "subsetted",
}


def left(query: str, document: dict[str, Any] = OBSERVATION, *, kind: str = "", included: bool = False) -> Any:
    compiled = compile_query(kind or document["resourceType"], query, strict=True)
    assert compiled.problems == ()
    before = copy.deepcopy(document)
    made = shaped(document, compiled, included=included)
    assert document == before
    return made


@pytest.mark.parametrize("query", ["", "_summary=false", "_summary=count", "code=x&_count=3"])
def test_a_query_that_wants_whole_resources_gets_them_as_they_are(query: str) -> None:
    assert left(query) is None


def test_a_summary_has_what_is_marked_as_summary_in_the_parts_too() -> None:
    made = left("_summary=true")
    assert list(made) == [
        "resourceType",
        "id",
        "meta",
        "status",
        "_status",
        "code",
        "subject",
        "valueQuantity",
        "component",
    ]
    assert made["component"] == [{"code": {"text": "part"}, "valueString": "v"}]
    assert made["meta"] == {"versionId": "1", "tag": [{"system": "urn:x", "code": "kept"}, SUBSETTED]}


def test_the_text_comes_with_what_has_to_be_there() -> None:
    assert set(left("_summary=text")) == {"resourceType", "id", "meta", "text", "status", "_status", "code"}


def test_the_data_come_without_the_text_and_whole_where_there_is_none() -> None:
    assert set(OBSERVATION) - set(left("_summary=data")) == {"text"}
    plain = {key: value for key, value in OBSERVATION.items() if key != "text"}
    assert left("_summary=data", plain) is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("_elements=subject", {"subject", "status", "_status", "code"}),
        ("_elements=Observation.subject", {"subject", "status", "_status", "code"}),
        ("_elements=value", {"valueQuantity", "status", "_status", "code"}),
        ("_elements=valueQuantity,note", {"valueQuantity", "note", "status", "_status", "code"}),
        ("_elements=note&_elements=subject", {"note", "subject", "status", "_status", "code"}),
    ],
)
def test_elements_bring_what_was_named_and_what_has_to_be_there(query: str, expected: set[str]) -> None:
    made = left(query)
    assert set(made) == {"resourceType", "id", "meta"} | expected
    assert SUBSETTED in made["meta"]["tag"]


def test_names_without_a_type_leave_what_was_included_whole() -> None:
    patient = {"resourceType": "Patient", "id": "1", "name": [{"family": "A"}], "gender": "male"}
    assert left("_elements=subject", patient, kind="Observation", included=True) is None
    made = left("_elements=subject,Patient.gender", patient, kind="Observation", included=True)
    assert set(made) == {"resourceType", "id", "meta", "gender"}


def test_a_mark_is_set_once() -> None:
    marked = {**OBSERVATION, "meta": {"tag": [SUBSETTED]}}
    assert left("_summary=true", marked)["meta"]["tag"] == [SUBSETTED]


def test_a_type_that_r4_does_not_have_stays_whole() -> None:
    assert left("_summary=true", {"resourceType": "Invented", "x": 1}, kind="Patient") is None


@pytest.mark.parametrize("meta", [None, "x", [], {"tag": "x"}, {"tag": [None, 3]}])
def test_a_resource_of_any_shape_is_shortened(meta: Any) -> None:
    made = left("_summary=true", {**OBSERVATION, "meta": meta, "component": [None, 3, [{"code": 1}]]})
    assert SUBSETTED in made["meta"]["tag"]
    assert made["component"] == [None, 3, [{"code": 1}]]


def test_an_element_that_does_not_exist_is_refused_when_strict() -> None:
    (problem,) = compile_query("Patient", "_elements=nme", strict=True).problems
    assert "Patient has no element 'nme'" in problem.text
    assert compile_query("Patient", "_elements=nme", strict=False).problems == ()


def test_the_text_alone_is_not_combined_with_includes() -> None:
    query = compile_query("Observation", "_summary=text&_include=Observation:subject", strict=False)
    assert [(one.status, one.kind) for one in query.problems] == [(400, "parameter-conflict")]
