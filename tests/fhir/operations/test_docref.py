"""`$docref` of US Core: a patient's documents."""

from __future__ import annotations

from typing import Any

import pytest

CCD, NOTE = "34133-9", "11506-3"


def document(site: Any, id: str, code: str, when: str, status: str = "current", **more: Any) -> None:
    made = {
        "resourceType": "DocumentReference", "id": id, "status": status, "subject": {"reference": "Patient/x"},
        "type": {"coding": [{"system": "http://loinc.org", "code": code}]}, "date": f"{when}T00:00:00Z",
        "context": {"period": {"start": when, "end": when}}, **more,
    }  # fmt: skip
    site.store.commit(made, kind="create", source="control")


@pytest.fixture
def site(made: Any) -> Any:
    """One patient with five documents."""
    found = made()
    found.store.commit({"resourceType": "Patient", "id": "x"}, kind="create", source="control")
    document(found, "c1", CCD, "2023-01-01")
    document(found, "c2", CCD, "2024-01-01", meta={"profile": ["https://example.org/ccd"]})
    document(found, "c3", CCD, "2025-01-01", "superseded")
    document(found, "n1", NOTE, "2025-02-01")
    document(found, "e1", NOTE, "2025-03-01", "entered-in-error")
    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("patient=x", ["c2"]),
        ("patient=Patient/x", ["c2"]),
        (f"patient=x&type=http://loinc.org|{NOTE}", ["n1"]),
        (f"patient=x&type={NOTE}&type={CCD}", ["n1", "c2"]),
        ("patient=x&type=0-0", []),
        ("patient=x&start=2000-01-01", ["n1", "c3", "c2", "c1"]),
        ("patient=x&start=2024-01-01T00:00:00Z&end=2024-12-31T00:00:00Z", ["c2"]),
        ("patient=x&end=2023-06-01", ["c1"]),
        ("patient=x&on-demand=false", ["c2"]),
        ("patient=x&start=2000&profile=https://example.org/ccd", ["c2"]),
        ("patient=x&profile=https://example.org/other", []),
        ("patient=nobody", []),
    ],
)
def test_the_documents_that_are_asked_for(site: Any, call: Any, query: str, expected: list[str]) -> None:
    page = call(site, f"/DocumentReference/$docref?{query}")
    assert [id for _, id, _, _ in page.entries] == expected
    assert page.total == len(expected)


def test_without_a_summary_the_newest_document_stands_in(made: Any, call: Any) -> None:
    site = made(patients=3)
    page = call(site, "/DocumentReference/$docref?patient=p1")
    dates = [record.document["date"] for record in site.store.chart("p1", "DocumentReference")]
    assert [site.store.read(kind, id).document["date"] for kind, id, _, _ in page.entries] == [max(dates)]


def test_a_type_can_be_posted_as_coding(site: Any, call: Any) -> None:
    coding = {"valueCoding": {"system": "http://loinc.org", "code": NOTE}}
    page = call(site, "/DocumentReference/$docref", patient={"valueId": "x"}, type=coding)
    assert [id for _, id, _, _ in page.entries] == ["n1"]


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("", "parameter-missing"),
        ("patient=x&on-demand=true", "parameter-invalid"),
        ("patient=x&on-demand=yes", "parameter-invalid"),
        ("patient=x&start=lately", "parameter-invalid"),
        ("patient=x&patient=y", "parameter-conflict"),
        ("patient=x&type=http://loinc.org|", "parameter-invalid"),
        ("patient=x&from=2020", "parameter-unknown"),
    ],
)
def test_a_call_that_cannot_be_answered_is_refused(site: Any, call: Any, query: str, kind: str) -> None:
    problem = call(site, f"/DocumentReference/$docref?{query}")
    assert (problem.status, problem.kind) == (400, kind)
