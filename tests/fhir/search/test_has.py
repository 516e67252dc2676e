"""Reverse chains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from mockehr.fhir.search import Query, TooCostly, compile_query

PATIENT = {"resourceType": "Patient", "id": "1"}
OTHER = {"resourceType": "Patient", "id": "2"}
SHARED = {"resourceType": "Practitioner", "id": "d", "name": [{"family": "House"}]}
RESOURCES: dict[str, list[dict[str, Any]]] = {
    "Observation": [
        {
            "resourceType": "Observation",
            "id": "a",
            "subject": {"reference": "Patient/1"},
            "performer": [{"reference": "Practitioner/d"}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "1234-5"}]},
        },
        {
            "resourceType": "Observation",
            "id": "b",
            "subject": {"reference": "http://x/Patient/2"},
            "code": {"coding": [{"code": "other"}]},
        },
    ],
    "Provenance": [
        {"resourceType": "Provenance", "id": "p", "target": [{"reference": "Observation/a"}], "recorded": "2024"}
    ],
    "Group": [{"resourceType": "Group", "id": "g", "member": [{"entity": {"reference": "Patient/1"}}]}],
}


class Referrers:
    """Everything is near a patient; what refers to others may lie anywhere."""

    def __init__(self) -> None:
        self.scans = 0

    def near(self, source: str, target: dict[str, Any]) -> Iterable[dict[str, Any]] | None:
        return None if target["resourceType"] == "Practitioner" else RESOURCES.get(source, [])

    def everywhere(self, source: str) -> Iterable[dict[str, Any]]:
        self.scans += 1
        return RESOURCES.get(source, [])


def compiled(kind: str, query: str, **more: Any) -> Query:
    def resolve(kind: str, id: str) -> dict[str, Any] | None:
        return {("Practitioner", "d"): SHARED, ("Patient", "1"): PATIENT}.get((kind, id))

    settings = {"referrers": Referrers(), "resolve": resolve, "base_url": "http://x", "strict": True, **more}
    return compile_query(kind, query, **settings)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("_has:Observation:patient:code=1234-5", ["1"]),
        ("_has:Observation:patient:code=http://loinc.org|1234-5", ["1"]),
        ("_has:Observation:subject:code=other", ["2"]),
        ("_has:Observation:patient:code=1234-5,other", ["1", "2"]),
        ("_has:Observation:patient:code:not=other", ["1"]),
        ("_has:Observation:patient:code=none", []),
        ("_has:Observation:patient:_has:Provenance:target:recorded=2024", ["1"]),
        ("_has:Observation:patient:performer.name=house", ["1"]),
        ("_has:Observation:patient:performer:Practitioner.name=wilson", []),
        ("_has:Group:member:_id=g", ["1"]),
        ("_has:Observation:patient:code=1234-5&_has:Group:member:_id=g", ["1"]),
        ("_has:Observation:patient:code=other&_has:Group:member:_id=g", []),
    ],
)
def test_a_resource_matches_if_something_that_fits_refers_to_it(query: str, found: list[str]) -> None:
    asked = compiled("Patient", query)
    assert asked.problems == ()
    assert [one["id"] for one in (PATIENT, OTHER) if asked.matches(one)] == found


def test_a_chain_may_end_in_a_reverse_chain() -> None:
    asked = compiled("Observation", "patient._has:Group:member:_id=g")
    assert asked.problems == ()
    assert [asked.matches(one) for one in RESOURCES["Observation"]] == [True, False]


def test_what_may_lie_anywhere_is_looked_through_once() -> None:
    referrers = Referrers()
    asked = compiled("Practitioner", "_has:Observation:performer:code=1234-5", referrers=referrers)
    assert asked.matches(SHARED)
    assert not asked.matches({**SHARED, "id": "e"})
    assert referrers.scans == 1


def test_looking_too_far_is_told() -> None:
    class Endless(Referrers):
        def everywhere(self, source: str) -> Iterable[dict[str, Any]]:
            raise TooCostly

    asked = compiled("Practitioner", "_has:Observation:performer:code=1", referrers=Endless())
    with pytest.raises(TooCostly):
        asked.matches(SHARED)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("_has=x", "write it as _has:Type:reference:parameter=value"),
        ("_has:Observation=x", "write it as"),
        ("_has:Observation:patient=x", "write it as"),
        ("_has:Observation::code=x", "write it as"),
        ("_has:Foo:patient:code=x", "Foo is no resource type"),
        ("_has:Observation:patiant:code=x", "did you mean patient"),
        ("_has:Observation:code:code=x", "no reference parameter 'code'"),
        ("_has:Observation:encounter:code=x", "never to Patient"),
        ("_has:Observation:patient:foo=x", "foo is no search parameter of Observation"),
        ("_has:Observation:patient:date=x", "is no date"),
        ("_has:Observation:patient:_count=3", "_count is no search parameter"),
        ("_has:Observation:patient:" + "_has:Provenance:target:" * 6 + "_id=1", "links are not supported"),
    ],
)
def test_unusable_reverse_chains_are_problems(query: str, text: str) -> None:
    (problem,) = compiled("Patient", query).problems
    assert problem.status == 400
    assert text in problem.text


def test_without_a_way_to_look_a_reverse_chain_is_a_problem() -> None:
    (problem,) = compiled("Patient", "_has:Observation:patient:code=x", referrers=None).problems
    assert "not supported here" in problem.text
