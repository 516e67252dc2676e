"""`$lastn`: the newest of each kind of measurement."""

from __future__ import annotations

from typing import Any

import pytest


def observed(site: Any, id: str, when: str, *codes: str, text: str = "", **more: Any) -> None:
    codings = [{"system": "https://example.org/s", "code": code} for code in codes]
    code = ({"coding": codings} if codings else {}) | ({"text": text} if text else {})
    document = {
        "resourceType": "Observation", "id": id, "status": "final", "subject": {"reference": "Patient/x"},
        "category": [{"coding": [{"code": "lab"}]}], "code": code, "effectiveDateTime": when, **more,
    }  # fmt: skip
    site.store.commit(document, kind="create", source="control")


@pytest.fixture
def site(made: Any) -> Any:
    """One patient with a few results."""
    found = made()
    found.store.commit({"resourceType": "Patient", "id": "x"}, kind="create", source="control")
    observed(found, "a1", "2024-01-01", "a")
    observed(found, "a3", "2024-03-01", "a", "also-a")
    observed(found, "a2", "2024-02-01", "also-a")
    observed(found, "b1", "2023-01-01", "b")
    observed(found, "t1", "2022-01-01", text="Mood")
    observed(found, "t2", "2022-02-01", text="mood ")
    return found


def ids(page: Any) -> list[str]:
    return [id for _, id, _, _ in page.entries]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("patient=x&category=lab", ["a3", "b1", "t2"]),
        ("subject=Patient/x&category=lab&max=2", ["a3", "a2", "b1", "t2", "t1"]),
        ("patient=Patient/x&code=https://example.org/s|a", ["a3"]),
        ("patient=x&category=lab&date=lt2024-02-15&max=9", ["a2", "a1", "b1", "t2", "t1"]),
        ("patient=x&category=other", []),
        ("patient=nobody&category=lab", []),
    ],
)  # fmt: skip
def test_each_kind_gives_its_newest(site: Any, call: Any, query: str, expected: list[str]) -> None:
    # Before the result that carries both codes, `a` and `also-a` are two kinds: hence a2 and a1 by lt2024-02-15.
    page = call(site, f"/Observation/$lastn?{query}")
    assert ids(page) == expected
    assert page.total == len(expected)


def test_a_charts_vital_signs_are_those_that_a_search_finds_newest(made: Any, call: Any) -> None:
    site = made(patients=3)
    page = call(site, "/Observation/$lastn?patient=p1&category=vital-signs")
    newest: dict[str, str] = {}
    for record in site.store.chart("p1", "Observation"):
        document = record.document
        if document["category"][0]["coding"][0]["code"] == "vital-signs":
            code = document["code"]["coding"][0]["code"]
            newest[code] = max(newest.get(code, ""), document["effectiveDateTime"])
    found = [site.store.read("Observation", id).document for id in ids(page)]
    assert {one["code"]["coding"][0]["code"]: one["effectiveDateTime"] for one in found} == newest


def test_pages_lead_on(site: Any, call: Any) -> None:
    page = call(site, "/Observation/$lastn?patient=x&category=lab&_count=2")
    assert ids(page) == ["a3", "b1"]
    later = call(site, f"/Observation/$lastn?{page.next_url.partition('?')[2]}")
    assert ids(later) == ["t2"]
    assert not later.next_url


def test_parameters_can_be_posted(site: Any, call: Any) -> None:
    page = call(
        site, "/Observation/$lastn", patient={"valueString": "x"}, category={"valueString": "lab"},
        max={"valuePositiveInt": 2},
    )  # fmt: skip
    assert ids(page) == ["a3", "a2", "b1", "t2", "t1"]


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("category=lab", "parameter-missing"),
        ("patient=x", "parameter-missing"),
        ("patient=x&status=final", "parameter-missing"),
        ("patient=x&category=lab&max=0", "parameter-invalid"),
        ("patient=x&category=lab&max=few", "parameter-invalid"),
        ("patient=x&category=lab&max=1&max=2", "parameter-conflict"),
        ("patient=x&category=lab&nonsense=1", "parameter-unknown"),
        ("patient=x&category=lab&date=lately", "parameter-invalid"),
    ],
)
def test_a_call_that_cannot_be_answered_is_refused(site: Any, call: Any, query: str, kind: str) -> None:
    problem = call(site, f"/Observation/$lastn?{query}")
    assert (problem.status, problem.kind) == (400, kind)
