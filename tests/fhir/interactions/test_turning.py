"""Pages by number and by the id of the last entry, which count beside the rest of their search alone."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://x.example.org/fhir/R4"


def paged(paging: str) -> Site:
    settings = {"search": {"paging": paging, "next": "search", "page_parameter": "at"}}
    return build_site(SiteOptions("x", patients=8, stepped=True, open_access=True, settings=settings))


def ask(site: Site, target: str) -> tuple[int, dict[str, Any]]:
    path, _, query = target.partition("?")
    reply = site.handle(Exchange("fhir", "GET", f"/{path}", query, base_url=BASE)).reply
    assert reply is not None
    return reply.status, reply.document or orjson.loads(reply.body)


def next_of(bundle: dict[str, Any]) -> str:
    found = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
    return found[0].removeprefix(f"{BASE}/") if found else ""


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


@pytest.mark.parametrize("paging", ["cursor", "page"])
def test_all_matches_come_once(paging: str) -> None:
    site, target, seen = paged(paging), "Patient?gender=female,male&_count=3", []
    while target:
        status, bundle = ask(site, target)
        assert status == 200
        seen += ids(bundle)
        target = next_of(bundle)
    assert len(seen) == len(set(seen)) == 8


def test_a_cursor_is_the_last_id_and_the_search_is_repeated_with_it() -> None:
    bundle = ask(site := paged("cursor"), "Condition?patient=p1&_count=2")[1]
    assert next_of(bundle) == f"Condition?patient=p1&_count=2&at={ids(bundle)[-1]}"
    assert ask(site, f"Condition?patient=p2&_count=2&at={ids(bundle)[-1]}")[0] == 410


def test_the_same_cursor_of_two_searches_leads_to_two_pages() -> None:
    site = paged("cursor")
    first, second = (ask(site, f"Condition?patient=p1&_count={size}")[1] for size in (1, 2))
    rest = [next_of(ask(site, next_of(first))[1]), next_of(second)]
    assert rest[0].endswith(f"at={ids(second)[-1]}")
    assert rest[1].endswith(f"at={ids(second)[-1]}")
    assert [len(ids(ask(site, one)[1])) for one in rest] == [1, 2]


def test_a_page_can_be_asked_for_outright() -> None:
    site = paged("page")
    whole = ids(ask(site, "Condition?patient=p1&_count=100")[1])
    assert ids(ask(site, "Condition?patient=p1&_count=2&at=2")[1]) == whole[2:4]
    assert ids(ask(site, "Condition?patient=p1&_count=2&at=1")[1]) == whole[:2]
    assert ids(ask(site, "Condition?patient=p1&_count=2&at=999")[1]) == []
    assert ask(site, "Condition?patient=p1&at=x")[0] == 410


def test_a_next_link_that_expires_does_so_whatever_its_token() -> None:
    for paging in ("cursor", "page"):
        site = paged(paging)
        site.arm({"use": "expiring-next-link", "with": {"after": 10}})
        target = next_of(ask(site, "Patient?gender=female,male&_count=3")[1])
        site.clock.advance(11)
        assert ask(site, target)[0] == 410
