"""`$everything`: what is gathered, what is left out, and the way through its pages."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from mockehr.core.exchange import Exchange, Interaction
from mockehr.fhir.operations.base import operations, read_input

VENDORS = ["generic", "epic", "oracle"]


def keys(page: Any, mode: str = "") -> list[str]:
    return [f"{kind}/{id}" for kind, id, _, its in page.entries if mode in ("", its)]


def all_pages(call: Any, site: Any, target: str) -> list[str]:
    path, found = target.partition("?")[0], []
    while True:
        page = call(site, target)
        found += keys(page)
        if not page.next_url:
            return found
        assert page.next_url.startswith(f"http://a.example.org/a/fhir/R4{path}?")
        target = f"{path}?{page.next_url.partition('?')[2]}"


@pytest.mark.parametrize("vendor", VENDORS)
def test_all_of_the_chart_comes_with_those_who_made_it(made: Any, call: Any, vendor: str) -> None:
    site = made(vendor, patients=5)
    patient = list(site.store.base.everyone())[3]
    page = call(site, f"/Patient/{patient}/$everything")
    chart = {f"Patient/{patient}"}
    for kind in site.fhir.types:
        if kind != "Patient":
            chart |= {record.key for record in site.store.chart(patient, kind)}
    assert chart <= set(keys(page)), chart - set(keys(page))
    assert page.total == len(keys(page, "match"))
    assert not page.next_url
    assert {"Practitioner", "Organization"} <= {key.partition("/")[0] for key in keys(page, "include")}
    assert not [key for key, count in Counter(keys(page)).items() if count > 1]


@pytest.mark.parametrize("vendor", VENDORS)
def test_pages_together_are_the_whole(made: Any, call: Any, vendor: str) -> None:
    site = made(vendor, patients=5)
    patient = list(site.store.base.everyone())[2]
    whole = keys(call(site, f"/Patient/{patient}/$everything"))
    assert all_pages(call, site, f"/Patient/{patient}/$everything?_count=7") == whole


def test_a_page_read_twice_is_the_same_and_belongs_to_its_call(made: Any, call: Any) -> None:
    site = made(patients=3)
    token = call(site, "/Patient/p1/$everything?_count=7").next_url.partition("?")[2]
    again = [keys(call(site, f"/Patient/p1/$everything?{token}")) for _ in range(2)]
    assert again[0] == again[1]
    assert call(site, f"/Patient/p2/$everything?{token}").kind == "page-expired"
    site.fhir.pages.get(token.partition("=")[2]).expires = site.clock.now()
    assert call(site, f"/Patient/p1/$everything?{token}").kind == "page-expired"


def test_a_count_of_none_gives_the_total_only(made: Any, call: Any) -> None:
    page = call(made(patients=3), "/Patient/p1/$everything?_count=0")
    assert page.entries == []
    assert page.total > 20


def test_types_can_be_chosen_and_what_was_not_changed_left_out(made: Any, call: Any) -> None:
    site = made(patients=3)
    kinds = {
        key.partition("/")[0] for key in keys(call(site, "/Patient/p1/$everything?_type=Condition,Practitioner"))
    }
    assert kinds <= {"Condition", "Practitioner"}
    assert kinds
    site.clock.advance(3600)
    document = {"resourceType": "Condition", "id": "new", "subject": {"reference": "Patient/p1"}}
    site.store.commit(document, kind="create", source="control")
    assert keys(call(site, "/Patient/p1/$everything?_since=2026-01-05T12:30:00Z")) == ["Condition/new"]


def test_a_range_of_care_leaves_out_what_lies_outside(made: Any, call: Any) -> None:
    site = made(patients=3)
    for id, when in (("o1", "2024-03-05"), ("o2", "2024-05-05")):
        document = {"resourceType": "Observation", "id": id, "subject": {"reference": "Patient/p1"},
                    "effectiveDateTime": when}  # fmt: skip
        site.store.commit(document, kind="create", source="control")
    found = keys(call(site, "/Patient/p1/$everything?start=2024-03-01&end=2024-03-31"))
    assert "Observation/o1" in found
    assert "Observation/o2" not in found
    assert "Patient/p1" in found


def test_what_was_written_elsewhere_and_names_the_patient_is_found_and_other_patients_are_not(
    made: Any, call: Any
) -> None:
    site = made(patients=3)
    written = [
        {"resourceType": "Appointment", "id": "both", "status": "booked", "participant": [
            {"actor": {"reference": "Patient/p2"}}, {"actor": {"reference": "Patient/p1"}}]},
        {"resourceType": "Observation", "id": "focus", "subject": {"reference": "Patient/p2"},
         "focus": [{"reference": "Patient/p1"}]},
        {"resourceType": "Observation", "id": "foreign",
         "subject": {"reference": "https://other.example.org/fhir/Patient/p1"}},
    ]  # fmt: skip
    for document in written:
        site.store.commit(document, kind="create", source="control")
    found = keys(call(site, "/Patient/p1/$everything"))
    assert "Appointment/both" in found
    assert "Observation/focus" not in found
    assert "Observation/foreign" not in found
    assert "Patient/p2" not in found


def test_an_encounter_brings_what_happened_in_it_and_nothing_of_others(made: Any, call: Any) -> None:
    site = made(patients=5)
    one, other = (record.id for record in site.store.chart("p3", "Encounter")[:2])
    page = call(site, f"/Encounter/{one}/$everything")
    matches = keys(page, "match")
    assert matches[0] == f"Encounter/{one}"
    for kind, id, _, mode in page.entries:
        document = site.store.read(kind, id).document
        if mode == "match" and "encounter" in document:
            assert document["encounter"]["reference"] == f"Encounter/{one}"
    assert f"Encounter/{other}" not in keys(page)
    assert "Patient/p3" in keys(page, "include")


def test_all_patients_come_one_after_the_other(made: Any, call: Any) -> None:
    site = made(patients=4)
    page = call(site, "/Patient/$everything")
    assert len(page.entries) == 100
    assert page.total is None
    found = all_pages(call, site, "/Patient/$everything?_count=90")
    assert [key for key in found if key.startswith("Patient/")] == [f"Patient/p{number}" for number in range(4)]
    assert len(found) == len(set(found))


def test_with_a_patient_in_the_tokens_context_the_type_level_is_about_that_one(made: Any, call: Any) -> None:
    site = made(patients=4)
    exchange = Exchange("fhir", "GET", "/Patient/$everything", base_url="http://a.example.org", patient="p2")
    exchange.interaction = Interaction("$everything", "Patient")
    page = operations()["everything"].run(site.fhir, exchange, read_input(exchange))
    assert keys(page) == keys(call(site, "/Patient/p2/$everything"))


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ("/Patient/none/$everything", 404, "not-found"),
        ("/Encounter/none/$everything", 404, "not-found"),
        ("/Encounter/$everything", 404, "operation-unknown"),
        ("/Patient/p1/$everything?_type=Obsevation", 400, "parameter-invalid"),
        ("/Patient/p1/$everything?_since=lately", 400, "parameter-invalid"),
        ("/Patient/p1/$everything?_count=-1", 400, "parameter-invalid"),
        ("/Patient/p1/$everything?begin=2020", 400, "parameter-unknown"),
        ("/Encounter/none/$everything?start=2020", 400, "parameter-unknown"),
        ("/Patient/p1/$everything?_page=none", 410, "page-expired"),
    ],
)
def test_a_call_that_cannot_be_answered_is_refused(made: Any, call: Any, query: str, status: int, kind: str) -> None:
    problem = call(made(patients=3), query)
    assert (problem.status, problem.kind) == (status, kind)


def test_a_deleted_patient_is_gone(made: Any, call: Any) -> None:
    site = made()
    document = {"resourceType": "Patient", "id": "x"}
    site.store.commit(document, kind="create", source="control")
    site.store.commit(document, kind="delete", source="control")
    assert call(site, "/Patient/x/$everything").kind == "gone"


def test_too_many_patients_are_refused_without_looking_at_any(made: Any, call: Any) -> None:
    site = made(patients=5_000_000)
    assert call(site, "/Patient/$everything").kind == "too-costly"
    assert not site.charts._cache
