"""What readers see while copies and indexes lag behind, and how secrets are rotated: event quirks in memory."""

from __future__ import annotations

import json
from typing import Any

from mockehr.core.exchange import Exchange
from mockehr.events import Hook
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


def test_a_secret_is_rotated_once_for_each_endpoint() -> None:
    site = site_with("rotated-secret")
    for name in ("one", "two"):
        site.outbox.add(Hook(name, f"http://{name}.example.org/hook", f"old-{name}"))
    for id in ("x", "y", "z"):
        put(site, id)
    fired = [(e.peer, d.why) for e in site.journal for d in e.decisions if d.outcome == "fired"]
    assert [name for name, _ in fired] == ["one", "two"]
    secrets = [site.outbox.hooks[name].secret for name in ("one", "two")]
    assert len({*secrets, "old-one", "old-two"}) == 4
    assert all(repr(secret) in why for secret, (_, why) in zip(secrets, fired, strict=True))


def test_further_outages_come_only_after_a_pause_if_one_is_set() -> None:
    site = site_with("event-burst", lasts="60s", pause="60s")
    site.outbox.add(Hook("one", "http://one.example.org/hook"))
    held = []
    for number in range(6):
        put(site, f"x{number}")
        taken: list[str] = []
        while (delivery := site.outbox.take()) is not None:
            asked = delivery.exchange.interaction
            taken.append(asked.id if asked is not None else "")
            site.outbox.settle(delivery, 200)
        held.append(f"x{number}" not in taken)
        site.clock.advance(30)
    assert held == [True, True, False, False, True, True]


def test_only_the_first_delivery_of_an_event_is_doubled() -> None:
    site = site_with("duplicate-delivery", later="1s")
    site.outbox.add(Hook("one", "http://one.example.org/hook"))
    site.outbox.notify("one", "heartbeat")
    put(site, "x")
    for _ in range(3):
        while (delivery := site.outbox.take()) is not None:
            site.outbox.settle(delivery, 500 if delivery.attempt == 1 else 200)
        site.clock.advance(10)
    outcomes = [(e.interaction and e.interaction.name, [d.outcome for d in e.decisions]) for e in site.journal]
    assert outcomes == [
        ("heartbeat", ["idle"]),
        ("Patient.create", ["fired"]),
        ("Patient.create", ["idle"]),
        ("Patient.create", ["idle"]),
        ("Patient.create", ["idle"]),
    ]
