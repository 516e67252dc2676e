"""Whatever is sent, an operation answers or refuses; it never breaks."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem
from mockehr.fhir.terminology import Library, codes_below, member

CALLS = (
    "/CodeSystem/$lookup",
    "/CodeSystem/$validate-code",
    "/CodeSystem/$subsumes",
    "/ValueSet/$validate-code",
    "/ValueSet/$expand",
    "/ConceptMap/$translate",
    "/Patient/x/$everything",
    "/Patient/$everything",
    "/Encounter/x/$everything",
    "/Observation/$lastn",
    "/DocumentReference/$docref",
)
NAMES = (
    "code", "system", "url", "coding", "codeableConcept", "display", "version", "valueSet", "codeSystem",
    "conceptMap", "codeA", "codeB", "codingA", "filter", "offset", "count", "reverse", "target", "targetsystem",
    "patient", "category", "start", "end", "_since", "_type", "_count", "max", "type", "on-demand", "profile",
    "property", "context",
)  # fmt: skip
ELEMENTS = (
    "resourceType", "url", "system", "code", "display", "coding", "concept", "property", "compose", "include",
    "exclude", "filter", "op", "value", "valueSet", "valueCode", "content", "supplements", "group", "element",
    "target", "unmapped", "mode", "equivalence", "source", "subject", "reference", "status", "type", "designation",
    "expansion", "contains",
)  # fmt: skip
WORDS = ("", "a", "x", "male", "complete", "is-a", "regex", "provided", "(a+)+$", "2024-01-01", "Patient/x", "1")
GENDER = "administrative-gender"
URLS = (f"http://hl7.org/fhir/{GENDER}", f"http://hl7.org/fhir/ValueSet/{GENDER}", "https://e.org/v")
texts = st.sampled_from((*WORDS, *URLS)) | st.text(max_size=4)
scalars = st.none() | st.booleans() | st.integers(-1, 9) | texts
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(ELEMENTS), inner, max_size=5),
    max_leaves=15,
)
kinds = st.sampled_from(("valueString", "valueCode", "valueUri", "valueCoding", "valueBoolean", "resource", "part"))
parameters = st.lists(
    st.builds(lambda name, kind, value: {"name": name, kind: value}, st.sampled_from(NAMES), kinds, trees), max_size=5
)


def answered(found: Any) -> None:
    assert isinstance(found, (dict, SearchPage, Problem)), found
    if isinstance(found, dict):
        orjson.dumps(found)
    if isinstance(found, Problem):
        assert 400 <= found.status < 500


@pytest.mark.parametrize("target", CALLS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=parameters)
def test_odd_parameters_are_answered_or_refused(made: Any, call: Any, target: str, sent: list[Any]) -> None:
    site = made()
    answered(call(site, target, {"resourceType": "Parameters", "parameter": sent}))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=st.dictionaries(st.sampled_from(ELEMENTS), trees, max_size=8))
@example(document={"subject": {"reference": []}})
def test_odd_resources_that_were_stored_break_nothing(made: Any, call: Any, document: dict[str, Any]) -> None:
    site = made()
    for kind in ("CodeSystem", "ValueSet", "ConceptMap", "Observation", "DocumentReference", "Encounter"):
        base = {"url": "https://e.org/v", "subject": {"reference": "Patient/x"}, "context": "x", **document}
        made_up = {**base, "resourceType": kind, "id": "x"}
        site.store.commit(made_up, kind="create", source="control", body=b"{}", patient="x")
    site.store.commit({"resourceType": "Patient", "id": "x"}, kind="create", source="control")
    for target in (
        "/CodeSystem/$lookup?system=https://e.org/v&code=a",
        "/CodeSystem/x/$validate-code?code=a",
        "/CodeSystem/x/$subsumes?codeA=a&codeB=x",
        "/ValueSet/x/$expand",
        "/ValueSet/x/$validate-code?system=https://e.org/v&code=a",
        "/ConceptMap/x/$translate?system=https://e.org/v&code=a",
        "/ConceptMap/$translate?system=https://e.org/v&code=a&reverse=true",
        "/Patient/x/$everything?start=2020",
        "/Encounter/x/$everything",
        "/Observation/$lastn?patient=x&category=a",
        "/DocumentReference/$docref?patient=x&profile=a",
    ):
        answered(call(site, target))
    library = Library(site.store)
    member("https://e.org/v", "", "a", library)
    codes_below("https://e.org/v", "a", library)
