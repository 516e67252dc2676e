"""Searches that were just answered are answered again, unless anything changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.fhir.search.recent import SEARCHES_KEPT, KeptHits, Recent
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://a.example.org/a/fhir/R4"
QUERY = "patient=p1&_count=5"


@pytest.fixture
def site() -> Site:
    return build_site(SiteOptions("a", patients=5, stepped=True, open_access=True))


def asked(site: Site, query: str = QUERY, kind: str = "Condition") -> Exchange:
    exchange = site.handle(Exchange("fhir", "GET", f"/{kind}", query, base_url=BASE))
    assert exchange.reply is not None
    assert exchange.reply.status == 200
    return exchange


def told(exchange: Exchange) -> tuple[int, list[str]]:
    assert exchange.reply is not None
    bundle = orjson.loads(exchange.reply.body)
    return bundle["total"], [entry["resource"]["id"] for entry in bundle["entry"]]


def test_the_same_search_is_answered_alike_from_what_is_kept(site: Site) -> None:
    first, again = asked(site), asked(site)
    assert told(first) == told(again)
    assert first.returned == again.returned
    assert first.result.joined.octets
    assert again.result.joined is first.result.joined


def new_condition(site: Site) -> None:
    document = {
        "resourceType": "Condition",
        "id": "new",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": "x"},
    }
    site.store.commit(document, kind="create", source="control")


def other_write(site: Site) -> None:
    kept = site.store.keep()
    new_condition(site)
    asked(site)
    site.store.return_to(kept)
    document = {
        "resourceType": "Condition",
        "id": "else",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": "y"},
    }
    site.store.commit(document, kind="create", source="control")


@pytest.mark.parametrize("change", [new_condition, other_write])
def test_a_write_is_seen_at_once(site: Site, change: Callable[[Site], None]) -> None:
    before, _ = told(asked(site))
    change(site)
    total, _ = told(asked(site))
    assert total == before + 1
    everything = "patient=p1&_count=500"
    ids = told(asked(site, everything))[1]
    assert ("new" in ids, "else" in ids) == (change is new_condition, change is other_write)


def test_a_corruption_is_seen_at_once() -> None:
    site = build_site(SiteOptions("a", patients=80, stepped=True, open_access=True))
    query = "_id=" + ",".join(f"p{index}" for index in range(80))
    clean = asked(site, query, "Patient").reply
    site.arm({"use": "windows-1252-names", "with": {"rate": 1.0}})
    dirty = asked(site, query, "Patient").reply
    assert clean is not None
    assert dirty is not None
    assert clean.body != dirty.body


def test_a_page_that_a_quirk_lengthens_is_not_what_is_kept(site: Site) -> None:
    total, clean = told(asked(site))
    site.arm({"use": "page-repeats", "with": {"entries": 2}, "when": {"at_most": 1}})
    assert told(asked(site)) == (total, [*clean, *clean[:2]])
    assert told(asked(site)) == (total, clean)


def test_what_was_not_asked_for_longest_is_forgotten() -> None:
    recent = Recent()
    assert recent.get("x", 1) is None
    for number in range(SEARCHES_KEPT + 1):
        answer: Any = KeptHits([])
        recent.keep(number, answer)
        recent.get(0, 1)
    assert recent.get(0, 1) is not None
    assert recent.get(1, 1) is None
    assert recent.get(0, 2) is None


def test_what_a_failed_transaction_found_on_its_way_is_not_kept(site: Site) -> None:
    before, _ = told(asked(site))
    condition = {"resourceType": "Condition", "id": "never", "subject": {"reference": "Patient/p1"}}
    entries = [
        {"request": {"method": "PUT", "url": "Condition/never"}, "resource": condition},
        {"request": {"method": "GET", "url": f"Condition?{QUERY}"}},
        {"request": {"method": "GET", "url": "Condition/nowhere"}},
    ]
    body = orjson.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    failed = site.handle(Exchange("fhir", "POST", "/", body=body, base_url=BASE))
    assert failed.reply is not None
    assert failed.reply.status == 404
    # this takes the number that the withdrawn version had
    site.store.commit({"resourceType": "Basic", "id": "b"}, kind="create", source="control")
    assert told(asked(site))[0] == before


@pytest.mark.parametrize("query", ["date=ap2010", "date=1900,ap2010", "date=1900,%61p2010"])
def test_what_is_about_a_date_is_looked_for_anew_since_it_depends_on_the_time(query: str) -> None:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    seen = {"resourceType": "Observation", "id": "old", "effectiveDateTime": "1990-01-01"}
    site.store.commit(seen | {"subject": {"reference": "Patient/x"}}, kind="create", source="control")
    query = f"patient=x&{query}"
    body = site.handle(Exchange("fhir", "GET", "/Observation", query, base_url=BASE)).reply
    assert body is not None
    assert orjson.loads(body.body)["total"] == 0
    site.clock.advance(200 * 365 * 86_400)
    assert told(asked(site, query, "Observation")) == (1, ["old"])
