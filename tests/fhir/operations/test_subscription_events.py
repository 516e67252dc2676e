"""`Subscription/[id]/$events`: what was told, once more."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sites.subscribing import admit, answer, arrived, ask, made, status, subscribe, topical

from mockehr.sites.site import Site


@pytest.fixture
def site() -> Site:
    """One whose Subscription had three events, all of them lost."""
    found = made()
    subscribe(found, topical(content="full-resource") | {"id": "s"})
    for number in (1, 2, 3):
        admit(found, f"e{number}")
    arrived(found, 500)
    return found


def events(site: Site, query: str = "") -> tuple[Any, list[str], list[str]]:
    """The Bundle, the numbers of its events, and the types of its entries."""
    id = site.store.overlay("Subscription")[0].id
    bundle = answer(ask(site, "GET", f"/Subscription/{id}/$events", query=query))
    parts = [
        one["part"] for one in bundle["entry"][0]["resource"]["parameter"] if one["name"] == "notification-event"
    ]
    numbers = [part["valueString"] for one in parts for part in one if part["name"] == "event-number"]
    return bundle, numbers, [one["resource"]["resourceType"] for one in bundle["entry"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["1", "2", "3"]),
        ("eventsSinceNumber=2", ["2", "3"]),
        ("eventsUntilNumber=2", ["1", "2"]),
        ("eventsSinceNumber=2&eventsUntilNumber=2", ["2"]),
        ("eventsSinceNumber=9", []),
    ],
)
def test_both_ends_are_included(site: Site, query: str, expected: list[str]) -> None:
    bundle, numbers, _ = events(site, query)
    assert numbers == expected
    assert bundle["type"] == "history"


def test_content_may_be_less_than_the_subscription_has_and_never_more(site: Site) -> None:
    assert events(site)[2] == ["Parameters", "Encounter", "Encounter", "Encounter"]
    assert events(site, "content=id-only")[2] == ["Parameters"]
    assert "Encounter" not in str(events(site, "content=empty")[0])
    shy = made()
    subscribe(shy, topical(content="empty"))
    admit(shy)
    assert "Encounter" not in str(events(shy, "content=full-resource")[0])


@pytest.mark.parametrize("query", ["eventsSinceNumber=x", "content=all", "eventsSinceNumber=3&eventsUntilNumber=2"])
def test_odd_parameters_are_refused(site: Site, query: str) -> None:
    id = site.store.overlay("Subscription")[0].id
    assert status(ask(site, "GET", f"/Subscription/{id}/$events", query=query)) == 400


def test_it_says_that_it_answers_a_question(site: Site) -> None:
    parameters = events(site)[0]["entry"][0]["resource"]["parameter"]
    assert {"name": "type", "valueCode": "query-event"} in parameters
    assert {"name": "events-since-subscription-start", "valueString": "3"} in parameters
