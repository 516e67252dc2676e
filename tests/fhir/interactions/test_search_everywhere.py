"""Searches that have to look: pages that end early, exact totals, order, and what is written meanwhile."""

from __future__ import annotations

from typing import Any

import pytest


def every_page(ask: Any, site: Any, request: str) -> list[Any]:
    exchanges = [ask(site, request)]
    path = request.partition("?")[0]
    while True:
        assert exchanges[-1].problem is None
        token = exchanges[-1].result.next_token
        if not token:
            return exchanges
        exchanges.append(ask(site, f"{path}?{site.fhir.restrictions.page_parameter}={token}"))


def returned(exchanges: list[Any]) -> list[str]:
    return [key for exchange in exchanges for key in exchange.returned]


def looking(made: Any, charts: int, patients: int = 30) -> Any:
    site = made(patients=patients)
    site.fhir.settings = {**site.fhir.settings, "charts_per_page": charts}
    return site


def expected(site: Any, kind: str, patients: int) -> list[str]:
    return [record.key for index in range(patients) for record in site.charts.chart(f"p{index}", kind)]


def test_pages_that_end_early_lead_on_and_add_up(made: Any, ask: Any) -> None:
    site = looking(made, 7)
    pages = every_page(ask, site, "GET /Condition?_lastUpdated=ge1900&_count=1000")
    assert returned(pages) == expected(site, "Condition", 30)
    assert len(pages) == 5
    assert all(page.result.total is None for page in pages)
    assert all("total" not in page.reply.body.decode()[:400] for page in pages)


def test_a_page_without_matches_still_leads_on(made: Any, ask: Any) -> None:
    site = looking(made, 7)
    pages = every_page(ask, site, "GET /Condition?code=nothing-has-this")
    assert returned(pages) == []
    assert len(pages) == 5
    assert [bool(page.result.next_token) for page in pages] == [True] * 4 + [False]


def test_a_search_within_the_bound_knows_its_total(made: Any, ask: Any) -> None:
    site = looking(made, 30)
    found = ask(site, "GET /Condition?_lastUpdated=ge1900&_count=1000")
    assert found.result.total == len(expected(site, "Condition", 30))
    assert not found.result.next_token


@pytest.mark.parametrize("more", ["_total=accurate", "_summary=count", "_count=0"])
def test_an_exact_total_is_counted_within_the_bound_and_refused_beyond(made: Any, ask: Any, more: str) -> None:
    total = len(expected(looking(made, 30), "Condition", 30))
    counted = ask(looking(made, 30), f"GET /Condition?_lastUpdated=ge1900&{more}")
    assert counted.result.total == total
    refused = ask(looking(made, 29), f"GET /Condition?_lastUpdated=ge1900&{more}")
    assert (refused.problem.status, refused.problem.kind) == (403, "too-costly")
    assert "an exact total needs all matches" in refused.problem.text
    assert "29 charts" in refused.problem.text


def test_a_total_is_left_out_when_nobody_wants_it(made: Any, ask: Any) -> None:
    assert ask(made(patients=9), "GET /Patient?_total=none").result.total is None
    assert ask(made(patients=9), "GET /Patient?_total=estimate").result.total == 9


def test_an_order_needs_all_matches_and_is_refused_beyond_the_bound(made: Any, ask: Any) -> None:
    site = looking(made, 30)
    pages = every_page(ask, site, "GET /Condition?_lastUpdated=ge1900&_sort=-_id&_count=7")
    keys = returned(pages)
    assert keys == sorted(expected(site, "Condition", 30), reverse=True)
    refused = ask(looking(made, 29), "GET /Condition?_lastUpdated=ge1900&_sort=-_id")
    assert (refused.problem.status, refused.problem.kind) == (403, "too-costly")
    assert "_sort needs all matches" in refused.problem.text


def test_computed_patients_are_ordered_too(made: Any, ask: Any) -> None:
    site = made(patients=60)
    pages = every_page(ask, site, "GET /Patient?gender=female&_sort=-birthdate&_count=9")
    dates = [site.charts.read("Patient", key.partition("/")[2]).document["birthDate"] for key in returned(pages)]
    assert len(dates) > 9
    assert dates == sorted(dates, reverse=True)
    refused = ask(made(patients=1_000_000), "GET /Patient?gender=female&_sort=-birthdate")
    assert refused.problem.kind == "too-costly"


def test_a_page_asked_for_again_is_the_same_whatever_was_written_meanwhile(made: Any, ask: Any) -> None:
    site = looking(made, 5)
    first = ask(site, "GET /Condition?_lastUpdated=ge1900&_count=1000")
    name = site.fhir.restrictions.page_parameter
    second = ask(site, f"GET /Condition?{name}={first.result.next_token}")
    for key in (*first.returned[:2], *second.returned[:2]):
        kind, _, id = key.partition("/")
        site.store.commit(site.store.read(kind, id).document, kind="update", source="control")
    document = {"resourceType": "Condition", "id": "new", "subject": {"reference": "Patient/p1"}}
    site.store.commit(document, kind="create", source="control")
    again = ask(site, f"GET /Condition?{name}={first.result.next_token}")
    assert again.returned == second.returned
    third = ask(site, f"GET /Condition?{name}={second.result.next_token}")
    assert not set(third.returned) & {*first.returned, *second.returned}


def test_a_page_too_far_back_is_over(made: Any, ask: Any) -> None:
    site = made(patients=400)
    pages = every_page(ask, site, "GET /Patient?_lastUpdated=ge1900&_count=20")
    assert len(returned(pages)) == 400
    name = site.fhir.restrictions.page_parameter
    gone = ask(site, f"GET /Patient?{name}={pages[0].result.next_token}")
    assert (gone.problem.status, gone.problem.kind) == (410, "page-expired")
    assert ask(site, f"GET /Patient?{name}={pages[-3].result.next_token}").returned == pages[-2].returned


def test_the_total_of_patients_counts_what_was_written_over_them(made: Any, ask: Any) -> None:
    site = made(patients=30)
    before = ask(site, "GET /Patient?gender=female").result.total
    document = next(
        record.document
        for record in (site.charts.patient(i) for i in range(30))
        if record.document["gender"] == "female"
    )
    site.store.commit({**document, "gender": "male"}, kind="update", source="control")
    assert ask(site, "GET /Patient?gender=female").result.total == before - 1
    site.store.commit({**document, "gender": "female"}, kind="update", source="control")
    assert ask(site, "GET /Patient?gender=female").result.total == before
    site.store.commit(document, kind="delete", source="control")
    assert ask(site, "GET /Patient?gender=female").result.total == before - 1


def test_types_that_no_chart_has_are_looked_for_among_what_was_written(made: Any, ask: Any) -> None:
    site = looking(made, 1, patients=5_000_000)
    document = {"resourceType": "Endpoint", "id": "g", "status": "active"}
    site.store.commit(document, kind="create", source="control")
    assert ask(site, "GET /Endpoint?status=active&_total=accurate").returned == ("Endpoint/g",)
    assert not site.charts._cache


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_charts_have_no_types_but_those_that_searches_look_for(made: Any, vendor: str) -> None:
    from mockehr.fhir.search.neighbours import CHART_TYPES, SHARED_TYPES

    charts = made(vendor, patients=20).charts
    kinds = {kind for index in range(20) for kind in charts.dressed(index).by_type}
    charts.shared("Practitioner")
    assert set(charts._shared) <= SHARED_TYPES
    assert kinds - SHARED_TYPES <= CHART_TYPES


@pytest.mark.parametrize(
    "query",
    [
        "subject:Patient.identifier={system}|{value}",
        "encounter=Encounter/{encounter}",
        "patient.birthdate={born}&patient.gender={gender}",
    ],
)
def test_charts_that_a_query_names_in_a_roundabout_way_are_the_only_ones_looked_at(
    made: Any, ask: Any, query: str
) -> None:
    site = looking(made, 40, patients=1_000_000)
    patient = site.charts.patient(7).document
    encounters = site.charts.chart("p7", "Encounter")
    identifier = patient["identifier"][0]
    text = query.format(
        system=identifier["system"],
        value=identifier["value"],
        encounter=encounters[0].id,
        born=patient["birthDate"],
        gender=patient["gender"],
    )
    site.charts._cache.clear()
    pages = every_page(ask, site, f"GET /Observation?{text}")
    if "encounter" in query:
        assert len(site.charts._cache) == 1
    assert returned(pages) or "encounter" in query
    assert all(page.result.total is not None for page in pages)
