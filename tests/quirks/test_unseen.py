"""What readers see while copies and indexes lag behind."""

from __future__ import annotations

import json
from typing import Any

from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def site_with(use: str, patients: int = 0, **settings: Any) -> Site:
    site = build_site(SiteOptions("a", stepped=True, open_access=True, patients=patients))
    site.arm({"use": use, "name": "trouble", "with": settings})
    return site


def put(site: Site, id: str, **elements: Any) -> None:
    known = site.store.read("Patient", id)
    document = {"resourceType": "Patient", "id": id, **elements}
    stamped = site.fhir.stamp(document, known.version + 1 if known else 1, site.clock.now())
    site.store.commit(stamped, kind="update" if known else "create", source="control")


def ask(site: Site, path: str, query: str = "") -> tuple[int, Any]:
    exchange = Exchange("fhir", path=path, query=query, base_url="http://a.example.org/fhir")
    reply = site.handle(exchange).reply
    assert reply is not None
    return reply.status, reply.document if reply.document is not None else json.loads(reply.body)


def versions(bundle: Any) -> list[str]:
    return [entry["resource"]["meta"]["versionId"] for entry in bundle.get("entry", ())]


def test_the_newest_version_that_is_seen_stands_for_those_that_are_not() -> None:
    site = site_with("early-delivery", lag="11s")
    for _ in range(3):
        put(site, "x")
        site.clock.advance(5)
    assert ask(site, "/Patient/x")[1]["meta"]["versionId"] == "1"
    site.clock.advance(1)
    assert ask(site, "/Patient/x")[1]["meta"]["versionId"] == "2"
    assert versions(ask(site, "/Patient")[1]) == ["2"]
    assert versions(ask(site, "/Patient/x/_history")[1]) == ["2", "1"]
    assert ask(site, "/Patient/x/_history/3")[0] == 404
    assert ask(site, "/Patient/x/_history/2")[0] == 200


def test_a_search_for_less_than_the_whole_shows_an_older_version_too() -> None:
    site = site_with("early-delivery", lag="10s")
    put(site, "x", active=True)
    site.clock.advance(20)
    put(site, "x", active=False)
    (entry,) = ask(site, "/Patient", "_elements=active")[1]["entry"]
    assert entry["resource"]["active"] is True


def test_what_was_always_there_is_always_seen_and_a_rule_with_nothing_to_hide_is_idle() -> None:
    site = site_with("early-delivery", patients=3, lag="10s")
    assert ask(site, "/Patient")[1]["total"] == 3
    (exchange,) = site.journal
    assert [decision.outcome for decision in exchange.decisions] == ["idle"]
    id = ask(site, "/Patient")[1]["entry"][0]["resource"]["id"]
    put(site, id, active=False)
    assert ask(site, f"/Patient/{id}")[1]["meta"]["versionId"] == "1"  # as the population has it


def test_what_was_deleted_and_made_again_is_not_there_until_it_is_seen() -> None:
    site = site_with("early-delivery", lag="10s")
    put(site, "x")
    site.store.commit({"resourceType": "Patient", "id": "x"}, kind="delete", source="control")
    site.clock.advance(20)
    put(site, "x")
    assert ask(site, "/Patient/x")[0] == 404
    assert "entry" not in ask(site, "/Patient")[1]
    site.clock.advance(10)
    assert ask(site, "/Patient/x")[0] == 200


def test_reads_by_id_do_not_wait_for_the_index() -> None:
    site = site_with("watermark-skew", by="30s", share=1.0)
    put(site, "x")
    assert ask(site, "/Patient/x")[0] == 200
    assert ask(site, "/Patient")[1]["total"] == 0
    assert [d.outcome for e in site.journal for d in e.decisions] == ["skipped", "fired"]


def test_an_older_version_that_stands_in_is_cut_as_it_was_asked_for() -> None:
    site = site_with("early-delivery", lag="10s")
    put(site, "x", active=True, gender="other")
    site.clock.advance(20)
    put(site, "x", active=False, gender="other")
    (whole,) = ask(site, "/Patient")[1]["entry"]
    assert (whole["resource"]["active"], whole["resource"]["gender"]) == (True, "other")
    (cut,) = ask(site, "/Patient", "_elements=active")[1]["entry"]
    assert (cut["resource"]["active"], "gender" in cut["resource"]) == (True, False)
    read = ask(site, "/Patient/x", "_elements=active")[1]
    assert (read["active"], "gender" in read) == (True, False)
    assert ask(site, "/Patient/x/_history/2", "_elements=active")[0] == 404
    site.clock.advance(10)
    assert ask(site, "/Patient/x", "_elements=active")[1]["active"] is False
    assert ask(site, "/Patient/x/_history/2", "_elements=active")[0] == 200


def test_a_history_counts_what_it_shows_and_keeps_its_links() -> None:
    site = site_with("early-delivery", lag="10s")
    put(site, "x")
    site.clock.advance(20)
    put(site, "x")
    put(site, "y")
    shown = ask(site, "/Patient/_history")[1]
    assert (shown["resourceType"], shown["type"], shown["total"]) == ("Bundle", "history", 1)
    assert versions(shown) == ["1"]
    assert next(link["relation"] for link in shown["link"]) == "self"
    none = ask(site, "/Patient/y/_history")[1]
    assert (none["total"], "entry" in none) == (0, False)
    site.clock.advance(10)
    assert ask(site, "/Patient/_history")[1]["total"] == 3
