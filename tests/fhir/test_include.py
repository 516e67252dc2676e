"""`_include`, `_revinclude` and `_count=0` on a computed site."""

from __future__ import annotations

from typing import Any

import orjson

from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def site() -> Site:
    return build_site(SiteOptions("a", patients=20, stepped=True, open_access=True))


def bundle(made: Site, path: str, query: str) -> Any:
    exchange = made.handle(Exchange("fhir", path=path, query=query, base_url="http://a.example.org/a/fhir/R4"))
    assert exchange.reply is not None
    assert exchange.reply.status == 200
    return orjson.loads(exchange.reply.body)


def modes(found: Any) -> dict[str, set[str]]:
    shown: dict[str, set[str]] = {}
    for entry in found.get("entry", []):
        shown.setdefault(entry["search"]["mode"], set()).add(entry["resource"]["resourceType"])
    return shown


def test_what_matches_refer_to_is_included_once() -> None:
    found = bundle(site(), "/Encounter", "patient=p1&_include=Encounter:patient")
    assert modes(found) == {"match": {"Encounter"}, "include": {"Patient"}}
    assert sum(entry["search"]["mode"] == "include" for entry in found["entry"]) == 1
    assert found["total"] == sum(entry["search"]["mode"] == "match" for entry in found["entry"])


def test_provenance_of_the_matches_comes_along() -> None:
    found = bundle(site(), "/DocumentReference", "patient=p1&_revinclude=Provenance:target")
    assert modes(found) == {"match": {"DocumentReference"}, "include": {"Provenance"}}


def test_a_count_of_zero_gives_the_total_and_nothing_else() -> None:
    made = site()
    total = bundle(made, "/Condition", "patient=p1")["total"]
    found = bundle(made, "/Condition", "patient=p1&_count=0")
    assert found["total"] == total > 0
    assert "entry" not in found
    assert all(link["relation"] != "next" for link in found["link"])
