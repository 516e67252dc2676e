"""What pathways make happen is told once, in one order, under one id: to webhooks, Subscriptions, feeds, exports."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from tests.sites.exporter import Exporter
from tests.sites.subscribing import answer, arrived, ask, status, topical

from mockehr.core.changes import Change
from mockehr.core.clock import instant
from mockehr.events import Event, Hook, topics
from mockehr.events.feed import FEEDS
from mockehr.pathways.shipped import shipped_files
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

DAY = 86400.0
CHANGED = {"path": "/v1/1", "feeds": sorted(FEEDS), "latency": 0, "settling": 0}
OF_FEEDS = {
    "appointments": {"Appointment", "Slot"},
    "patients": {"Patient"},
    "providers": {"Practitioner"},
    "claims": {"Claim"},
    "labresults": {"DiagnosticReport"},
    "imagingresults": {"DiagnosticReport"},
    "prescriptions": {"MedicationRequest"},
    "chart/healthhistory/problems": {"Condition"},
}


@dataclass(frozen=True, slots=True)
class Heard:
    """A site, what happened there, and what each endpoint was told of it."""

    site: Site
    began: float
    changes: list[Change]
    told: Mapping[str, list[Event]]


@pytest.fixture(scope="module", params=[5, 23])
def heard(request: pytest.FixtureRequest) -> Iterator[Heard]:
    """All shipped pathways, with an endpoint for everything, one for each topic, and all feeds."""
    settings = {"events": {"changed": CHANGED}}
    site = build_site(
        SiteOptions("a", patients=300, seed=request.param, stepped=True, open_access=True, settings=settings)
    )
    site.outbox.add(Hook("all", "http://127.0.0.1:1/"))
    for name, topic in topics().items():
        written = ask(site, "PUT", f"/Subscription/{name}", topical(topic.canonical) | {"id": name})
        assert status(written) == 201, answer(written)
    arrived(site)
    for feed in FEEDS:
        site.changed.subscribe("key", feed)
    before, began = len(site.log.changes), site.clock.now()
    site.clock.advance(10)
    for name in shipped_files():
        site.pathways.start(name)
    site.clock.advance(200 * DAY)
    assert site.pathways.counts == {"done": len(shipped_files())}
    told: dict[str, list[Event]] = defaultdict(list)
    for delivery in arrived(site):
        told[delivery.hook.subscription or delivery.hook.name] += delivery.events
    yield Heard(site, began, site.log.changes[before:], told)
    site.close()


@pytest.mark.slow
def test_webhooks_tell_of_every_change_once_and_in_order(heard: Heard) -> None:
    assert [event.change.number for event in heard.told["all"]] == [change.number for change in heard.changes]
    assert len({event.id for event in heard.told["all"]}) == len(heard.changes)


@pytest.mark.slow
def test_subscriptions_tell_of_what_their_topic_is_about_under_the_ids_of_the_webhooks(heard: Heard) -> None:
    ids = {event.change.number: event.id for event in heard.told["all"]}
    for name, topic in topics().items():
        told = heard.told[name]
        wanted = [change.number for change in heard.changes if topic.happens(change)]
        assert wanted, name
        assert [event.change.number for event in told] == wanted, name
        assert [event.number for event in told] == list(range(1, len(wanted) + 1)), name
        assert [event.id for event in told] == [ids[number] for number in wanted], name


@pytest.mark.slow
def test_the_history_of_the_site_has_the_same_versions_in_the_same_order(heard: Heard) -> None:
    entries, query = [], "_count=500"
    while query:
        page = answer(ask(heard.site, "GET", "/_history", None, query))
        entries += page["entry"]
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        query = following[0].partition("?")[2] if following else ""
    found = [
        (entry["fullUrl"].split("/fhir/R4/")[-1], entry["resource"]["meta"]["versionId"])
        for entry in reversed(entries)
        if entry["resource"]["resourceType"] != "Subscription"
    ]
    assert found == [(f"{one.resource_type}/{one.id}", str(one.version)) for one in heard.changes]


@pytest.mark.slow
def test_feeds_tell_of_their_own_types_only_and_miss_nothing(heard: Heard) -> None:
    for feed, kinds in OF_FEEDS.items():
        waiting = heard.site.changed.unprocessed("key", feed)
        told = [one.change.number for one in waiting]
        assert told == sorted(set(told)), feed
        assert {one.change.resource_type for one in waiting} <= kinds, feed
    changes = heard.changes
    for feed in ("patients", "prescriptions"):
        of_kind = [one.number for one in changes if one.resource_type in OF_FEEDS[feed]]
        assert [one.change.number for one in heard.site.changed.unprocessed("key", feed)] == of_kind, feed
    reports = {one.number for one in changes if one.resource_type == "DiagnosticReport"}
    told_of = [heard.site.changed.unprocessed("key", feed) for feed in ("labresults", "imagingresults")]
    assert {one.change.number for waiting in told_of for one in waiting} <= reports
    assert all(told_of)


@pytest.mark.slow
def test_an_export_since_then_has_the_newest_version_of_everything_that_changed(heard: Heard) -> None:
    since = instant(heard.began + 1).replace("+", "%2B")
    records = Exporter(heard.site).export("", f"?_since={since}")
    newest = {f"{one.resource_type}/{one.id}": one for one in heard.changes}
    assert records.keys() == {key for key, one in newest.items() if one.kind != "delete"}
    for key, line in records.items():
        assert json.loads(line)["meta"]["versionId"] == str(newest[key].version), key
