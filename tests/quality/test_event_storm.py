"""Many events, of which some are lost, doubled and out of order: who reconciles has the truth, who does not has not.

Once with the shipped scenario over sockets and the example programs, once in memory with as many changes as
`MOCKEHR_TEST_STORM` says.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import pytest

from mockehr.cli.runs import run_trial
from mockehr.core.clock import instant
from mockehr.core.exchange import Exchange
from mockehr.events import Hook
from mockehr.scenarios.schema import load_scenario
from mockehr.scenarios.shipped import find_scenario
from mockehr.scenarios.trial import Trial
from mockehr.sites.build import build_site
from mockehr.sites.heard import heard_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

NAME = "event-storm"
CHANGES = int(os.environ.get("MOCKEHR_TEST_STORM", "2000"))
PER_RECORD, TICK, POLL_EVERY, OVERLAP = 11, 0.1, 500, 90.0
RULES: list[dict[str, Any]] = [
    {"use": "dropped-delivery", "when": {"probability": 0.05}},
    {"use": "duplicate-delivery", "with": {"later": "20s"}, "when": {"probability": 0.1}},
    {"use": "reordered-delivery", "with": {"by": 3}, "when": {"probability": 0.1}},
    {"use": "late-delivery", "with": {"least": "1s", "most": "40s"}, "when": {"probability": 0.05}},
]


def played(receiver: str) -> set[str]:
    """The probes that fail for that example receiver. (The careful one is played by `mockehr check all`.)"""
    path = find_scenario(NAME)
    trial = Trial(load_scenario(path), base=path.parent)
    card, status = run_trial(trial, [sys.executable, "-m", f"mockehr.examples.{receiver}"], quiet=True)
    assert status == 0
    return {finding.probe for _, finding in card if finding.verdict == "fail"}


@pytest.mark.slow
def test_the_event_storm_names_the_bugs_of_the_careless_one() -> None:
    assert played("careless_receiver") >= {
        "early-read-retried",
        "event-order",
        "events-reconciled",
        "gap-detected",
        "id-only-fetched",
        "replay-refused",
        "signature-verified",
        "truth",
        "webhook-idempotent",
    }


class Naive:
    """Keeps what comes, as it comes: a row for each creation, and the last update wins."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.rows: dict[str, list[Any]] = {}

    def take(self, note: dict[str, Any]) -> None:
        document = note["resource"]["document"]
        rows = self.rows.setdefault(document["id"], [])
        if not note["type"].endswith(".created"):
            rows.clear()
        rows.append(document)

    def poll(self) -> None:
        """Not this one."""

    def records(self) -> list[Any]:
        return [row for rows in self.rows.values() for row in rows]


class Reconciling(Naive):
    """The newest version counts, and what changed is asked for with an overlap."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.watermark = site.clock.now()

    def take(self, note: dict[str, Any]) -> None:
        self.keep(note["resource"]["document"])

    def keep(self, document: dict[str, Any]) -> None:
        held = self.rows.get(document["id"])
        if held is None or int(held[0]["meta"]["versionId"]) < int(document["meta"]["versionId"]):
            self.rows[document["id"]] = [document]

    def poll(self) -> None:
        now, query = self.site.clock.now(), f"_count=1000&_since={instant(self.watermark - OVERLAP)}"
        while query:
            asked = Exchange("fhir", path="/Patient/_history", query=query, base_url="http://a.example.org/fhir")
            reply = self.site.handle(asked).reply
            assert reply is not None
            page = json.loads(reply.body) if reply.document is None else reply.document
            for entry in page.get("entry", ()):
                self.keep(entry["resource"])
            following = [link["url"] for link in page["link"] if link["relation"] == "next"]
            query = following[0].partition("?")[2] if following else ""
        self.watermark = now


def weathered(receiver: type[Naive], rules: list[dict[str, Any]]) -> tuple[Site, Naive]:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    site.outbox.add(Hook("app", "http://app.example.org/hook", payload="full"))
    for rule in rules:
        site.arm(rule)
    one = receiver(site)

    def deliver() -> None:
        while (delivery := site.outbox.take()) is not None:
            one.take(json.loads(delivery.exchange.body))
            site.outbox.settle(delivery, 200)

    people = max(CHANGES // PER_RECORD, 1)
    for number in range(CHANGES):
        id = f"once{number}" if number % 10 == 9 else f"p{number % people}"  # some are never told of again
        document = {"resourceType": "Patient", "id": id, "name": [{"family": f"Name{number}"}]}
        known = site.store.read("Patient", id)
        stamped = site.fhir.stamp(document, known.version + 1 if known else 1, site.clock.now())
        site.store.commit(stamped, kind="update" if known else "create", source="control")
        deliver()
        site.clock.advance(TICK)
        if number % POLL_EVERY == POLL_EVERY - 1:
            one.poll()
    for _ in range(4):
        site.clock.advance(30)
        deliver()
    one.poll()
    return site, one


def test_a_reconciling_receiver_has_the_truth_after_the_storm() -> None:
    site, one = weathered(Reconciling, RULES)
    report = heard_of(site, "app", one.records())
    assert report.ok, report.text()
    assert report.expected == len({(change.resource_type, change.id) for change in site.log.changes})
    assert all(rule.fired > 0 for rule in site.rules)


def test_a_naive_receiver_is_shown_wrong_and_has_the_truth_on_a_calm_day() -> None:
    site, one = weathered(Naive, RULES)
    report = heard_of(site, "app", one.records())
    assert report.altered
    assert report.duplicated
    assert report.lost
    calm, one = weathered(Naive, [])
    assert heard_of(calm, "app", one.records()).ok
