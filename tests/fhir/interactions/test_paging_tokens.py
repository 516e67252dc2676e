"""A paging token leads on where it was given, and nowhere else: elsewhere other rights are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.sites.site import Site

Ask = Callable[..., Exchange]
OPENED = {
    "GET /Patient?_count=1": "/Patient",
    "POST /Patient/_search?_count=1": "/Patient",
    "GET /Patient/_history?_count=1": "/Patient/_history",
    "GET /Patient/x/_history?_count=1&_summary=true": "/Patient/x/_history",
    "GET /_history?_count=1": "/_history",
    "GET /Patient/p1/Condition?_count=1": "/Patient/p1/Condition",
    "GET /Patient/p1/$everything?_count=1": "/Patient/p1/$everything",
    "GET /?_type=Patient&_count=1": "/",
}
"""Request → where its `next` link leads."""
PLACES = [
    *OPENED.values(),
    "/Observation",
    "/Observation/_history",
    "/Patient/p2/Condition",
    "/Patient/p2/$everything",
]


@pytest.fixture
def site(made: Callable[..., Site], ask: Ask) -> Site:
    one = made(patients=5)
    for active in (True, False, True):
        ask(one, "PUT /Patient/x", {"resourceType": "Patient", "id": "x", "active": active})
    return one


def token_of(exchange: Exchange) -> tuple[str, str]:
    """(path, token) of the next link."""
    assert exchange.reply is not None
    links: list[Any] = orjson.loads(exchange.reply.body)["link"]
    url = next(link["url"] for link in links if link["relation"] == "next").partition("/a/fhir/R4")[2]
    path, _, token = url.partition("?_page=")
    return path or "/", token


@pytest.mark.parametrize("request_", OPENED)
def test_a_token_leads_on_at_its_own_address_only(site: Site, ask: Ask, request_: str) -> None:
    path, token = token_of(ask(site, request_))
    assert path == OPENED[request_]
    for place in PLACES:
        reply = ask(site, f"GET {place}?_page={token}").reply
        assert reply is not None
        assert (place, reply.status) == (place, 200 if place == path else 410)


@pytest.mark.parametrize("request_", OPENED)
def test_an_expired_token_leads_on_nowhere(site: Site, ask: Ask, request_: str) -> None:
    path, token = token_of(ask(site, request_))
    session = site.fhir.pages.get(token)
    assert session is not None
    session.expires = site.clock.now()
    reply = ask(site, f"GET {path}?_page={token}").reply
    assert reply is not None
    assert reply.status == 410
