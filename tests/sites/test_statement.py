"""The CapabilityStatement of a site: kept for the day, for each address that it is asked at."""

from __future__ import annotations

from typing import Any

import orjson

from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def told(site: Site, base: str = "http://a.example.org/fhir/R4") -> tuple[bytes, dict[str, Any]]:
    reply = site.handle(Exchange("fhir", "GET", "/metadata", base_url=base)).reply
    assert reply is not None
    return reply.body, dict(orjson.loads(reply.body))


def test_it_is_the_same_all_day_and_of_the_next_day_after_midnight() -> None:
    site = build_site(SiteOptions("a", patients=0, stepped=True))
    first, document = told(site)
    site.clock.advance(3600)
    assert told(site)[0] == first
    site.clock.advance(86400)
    assert (document["date"], told(site)[1]["date"]) == ("2026-01-05", "2026-01-06")


def test_a_client_is_told_the_address_that_it_used() -> None:
    site = build_site(SiteOptions("a", patients=0, stepped=True))
    for host in ("http://one.example.org", "http://two.example.org", "http://one.example.org"):
        _, document = told(site, f"{host}/fhir/R4")
        assert document["implementation"]["url"] == f"{host}/fhir/R4"
        assert f"{host}/oauth2/token" in str(document["rest"][0]["security"])
