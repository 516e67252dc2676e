"""Quirks that only a subscriber can meet: one with the habits of the guide copes, one without them is shown.

Subscriptions are of the Subscriptions R5 Backport IG (1.1.0): numbered events, heartbeats, handshakes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.probes import probes
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
PERIOD = 60
LEVEL = {"extension": [{"url": f"{GUIDE}backport-payload-content", "valueCode": "id-only"}]}
SUBSCRIPTION: dict[str, Any] = {
    "resourceType": "Subscription",
    "status": "requested",
    "reason": "to know who comes",
    "criteria": "https://mockehr.example.org/SubscriptionTopic/encounter-start",
    "channel": {
        "type": "rest-hook",
        "endpoint": "http://app.example.org/hook",
        "payload": "application/fhir+json",
        "_payload": LEVEL,
        "extension": [{"url": f"{GUIDE}backport-heartbeat-period", "valueUnsignedInt": PERIOD}],
    },
}


class Subscriber:
    """Counts events, asks about gaps and silence, and looks after the status of its Subscription."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.last = 0
        self.heard = site.clock.now()
        self.focuses: set[str] = set()
        self.told: list[tuple[list[int], int]] = []
        """Numbers in each notification of events, and how many events it says there were."""
        self.id = str(self.call("POST", "/Subscription", body=SUBSCRIPTION)["id"])

    def take(self, body: bytes) -> None:
        self.heard = self.site.clock.now()
        self.read(json.loads(body))

    def read(self, bundle: Any, *, asking: bool = False) -> None:
        parts = bundle["entry"][0]["resource"]["parameter"]
        events = [one["part"] for one in parts if one["name"] == "notification-event"]
        told = next(int(one["valueString"]) for one in parts if one["name"] == "events-since-subscription-start")
        numbers = [int(part["valueString"]) for event in events for part in event if part["name"] == "event-number"]
        self.told += [(numbers, told)] if numbers else []
        for event in events:
            self.focuses |= {part["valueReference"]["reference"] for part in event if part["name"] == "focus"}
        if not asking and (min(numbers) if numbers else told + 1) > self.last + 1:
            self.ask()
        self.last = max(self.last, told, *numbers)

    def ask(self) -> None:
        """What it missed since the last number."""
        found = self.call("GET", f"/Subscription/{self.id}/$events", f"eventsSinceNumber={self.last + 1}")
        self.read(found, asking=True)

    def tick(self) -> None:
        if self.site.clock.now() - self.heard > 1.5 * PERIOD:
            self.ask()
            self.heard = self.site.clock.now()
        document = self.call("GET", f"/Subscription/{self.id}")
        if document["status"] != "active":
            self.call("PUT", f"/Subscription/{self.id}", body=document | {"status": "requested"})

    def call(self, method: str, path: str, query: str = "", *, body: Any = None) -> Any:
        headers = {"content-type": "application/fhir+json"} if body is not None else {}
        octets = json.dumps(body).encode() if body is not None else b""
        exchange = Exchange("fhir", method, path, query, headers, octets, base_url="http://a.example.org/fhir")
        exchange.client = "backend"
        reply = self.site.handle(exchange).reply
        assert reply is not None
        assert reply.status < 300, reply.document
        return reply.document if reply.document is not None else json.loads(reply.body)


class NeverAsks(Subscriber):
    """BUG F7: numbers are not looked at, and silence is peace."""

    def ask(self) -> None:
        pass


class NeverLooks(Subscriber):
    """BUG F6: once subscribed, always subscribed."""

    def tick(self) -> None:
        pass


def played(subscriber: type[Subscriber], rules: Sequence[dict[str, Any]]) -> tuple[Case, Subscriber]:
    """Six visits begin, four minutes apart."""
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    for rule in rules:
        site.arm(rule)
    one = subscriber(site)

    def deliver() -> None:
        while (delivery := site.outbox.take()) is not None:
            one.take(delivery.exchange.body)
            site.outbox.settle(delivery, 200)

    for number in range(6):
        deliver()
        visit = {"resourceType": "Encounter", "id": f"e{number}", "status": "in-progress", "class": {"code": "IMP"}}
        site.store.commit(visit, kind="create", source="control")
        for _ in range(8):
            deliver()
            site.clock.advance(30)
            one.tick()
    return Case(tuple(site.journal), "a", "backend"), one


def asked(probe: str, case: Case) -> Finding:
    return probes().get(probe).judge(case)


TROUBLES: dict[str, tuple[str, type[Subscriber], dict[str, Any], int]] = {
    # quirk: the probe, who fails, when it fires, events of six that are known in the end
    "dropped-delivery": ("gap-detected", NeverAsks, {"skip": 2, "at_most": 1}, 6),
    "event-number-gap": ("gap-detected", NeverAsks, {"skip": 2, "at_most": 1}, 6),
    "handshake-missing": ("subscription-watched", NeverLooks, {"first": 1}, 5),
    "heartbeat-gap": ("gap-detected", NeverAsks, {"skip": 1, "at_most": 1}, 6),
    "subscription-off": ("subscription-watched", NeverLooks, {"skip": 2, "at_most": 1}, 6),
}


@pytest.mark.parametrize("use", TROUBLES)
def test_a_subscriber_that_copes_passes_and_one_that_does_not_fails(use: str) -> None:
    probe, naive, when, known = TROUBLES[use]
    rule = {"use": use, "when": when}
    case, careful = played(Subscriber, [rule])
    assert (asked(probe, case).verdict, len(careful.focuses)) == ("pass", known)
    assert asked(probe, played(naive, [])[0]).verdict == "not-applicable"
    finding = asked(probe, played(naive, [rule])[0])
    assert finding.verdict == "fail"
    assert finding.evidence


def test_a_subscription_that_the_server_ends_shows_it() -> None:
    case, one = played(NeverLooks, [{"use": "subscription-off", "when": {"at_most": 1}}])
    document = one.call("GET", f"/Subscription/{one.id}")
    assert (document["status"], document["error"]) == ("error", "switched off by the server")
    assert one.focuses == set()
    assert len([e for e in case.on("webhook") if e.changes]) == 1


def test_numbers_that_nobody_gave_are_not_found_by_asking_and_hold_nothing_up() -> None:
    _, one = played(Subscriber, [{"use": "event-number-gap", "with": {"numbers": 3}, "when": {"at_most": 1}}])
    assert one.last == 9
    assert ([5], 5) in one.told
    assert all(max(numbers) <= told for numbers, told in one.told)
    found = one.call("GET", f"/Subscription/{one.id}/$events", "eventsSinceNumber=1&eventsUntilNumber=3")
    assert all(part["name"] != "notification-event" for part in found["entry"][0]["resource"]["parameter"])
