"""Quirks of events in memory: when each acts, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.events import Delivery, Hook, Policy, verify
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

LADDER = (10.0, 10.0, 10.0)


def site_with(use: str, *names: str, policy: Any = None, hook: Any = None, **settings: Any) -> Site:
    """A site with one rule and an endpoint of each of those names, `one` unless told."""
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    site.arm({"use": use, "name": "trouble", "with": settings})
    rules = Policy(**({"ladder": LADDER} | (policy or {})))
    for name in names or ("one",):
        site.outbox.add(Hook(name, f"http://{name}.example.org/hook", f"old-{name}", policy=rules, **(hook or {})))
    return site


def put(site: Site, id: str) -> None:
    site.store.commit({"resourceType": "Patient", "id": id}, kind="create", source="control")


def sent(site: Site, *statuses: int) -> list[Delivery]:
    """All that can be sent now; the first ones are answered with these statuses, all others with 200."""
    found = []
    while (delivery := site.outbox.take()) is not None:
        site.outbox.settle(delivery, statuses[len(found)] if len(found) < len(statuses) else 200)
        found.append(delivery)
    return found


def about(delivery: Delivery) -> list[str]:
    return [event.change.id for event in delivery.events]


def decided(site: Site) -> list[tuple[str, str]]:
    return [(one.outcome, one.why) for exchange in site.journal for one in exchange.decisions]


@pytest.mark.parametrize("kind", ["heartbeat", "handshake"])
@pytest.mark.parametrize(
    "use",
    [
        "dropped-delivery", "duplicate-delivery", "event-number-gap", "payload-differs", "reordered-delivery",
        "subscription-off",
    ],
)  # fmt: skip
def test_what_tells_of_no_event_is_left_alone(use: str, kind: Any) -> None:
    site = site_with(use)
    site.outbox.notify("one", kind)
    (delivery,) = sent(site)
    assert (delivery.kind, delivery.payload) == (kind, "id-only")
    site.clock.advance(3600)
    assert sent(site) == []
    lane = site.outbox.lane("one")
    assert (lane.off, lane.told) == ("", 0)
    assert [outcome for outcome, _ in decided(site)] == ["idle"]


def test_only_the_first_delivery_of_an_event_is_doubled() -> None:
    site = site_with("duplicate-delivery", copies=2, later="3min")
    put(site, "x")
    sent(site, 500)
    came = []
    for number in range(60):
        site.clock.advance(10)
        came += [((number + 1) * 10, one.attempt, one.copy) for one in sent(site)]
    assert came == [(10, 2, False), (180, 1, True), (360, 1, True)]
    assert [outcome for outcome, _ in decided(site)] == ["fired", "idle", "idle", "idle"]


def test_a_number_is_skipped_once_for_each_event_and_counted_in_what_is_told() -> None:
    site = site_with("event-number-gap")
    put(site, "x")
    (first,) = sent(site, 500)
    site.clock.advance(10)
    (again,) = sent(site)
    put(site, "y")
    (second,) = sent(site)
    told = [(one.events[0].number, one.told, one.attempt) for one in (first, again, second)]
    assert told == [(2, 2, 1), (2, 2, 2), (4, 4, 1)]
    assert [why for _, why in decided(site)] == ["number 2 follows 0", "told before", "number 4 follows 2"]
    site.outbox.tell_again("one", [first.events[0]])
    (copy,) = sent(site)
    assert (copy.events[0].number, site.outbox.lane("one").told) == (2, 4)


@pytest.mark.parametrize(
    ("hook", "payload"), [({"payload": "full"}, "full"), ({"form": "health-gorilla"}, "id-only")]
)
def test_a_payload_that_is_so_anyway_or_that_the_form_has_not_stays(hook: dict[str, Any], payload: str) -> None:
    wanted = "full" if payload == "full" else "empty"
    site = site_with("payload-differs", hook=hook, payload=wanted)
    put(site, "x")
    (delivery,) = sent(site)
    assert delivery.payload == payload
    ((outcome, why),) = decided(site)
    assert outcome == "idle"
    assert ("anyway" if payload == "full" else "cannot carry empty") in why


def test_one_outage_is_all_unless_a_pause_is_set() -> None:
    site = site_with("event-burst", lasts="60s")
    put(site, "x")
    assert sent(site) == []
    site.clock.advance(60)
    put(site, "y")  # at its very end
    assert [about(one) for one in sent(site)] == [["x"], ["y"]]
    site.clock.advance(1e6)
    put(site, "z")
    assert [about(one) for one in sent(site)] == [["z"]]
    assert [outcome for outcome, _ in decided(site)] == ["fired", "idle", "idle"]


@pytest.mark.parametrize(("after", "held"), [(59.0, False), (60.0, True)])
def test_further_outages_come_only_after_a_pause_if_one_is_set(after: float, held: bool) -> None:
    site = site_with("event-burst", lasts="60s", pause="60s")
    put(site, "x")
    site.clock.advance(60 + after)
    assert len(sent(site)) == 1
    put(site, "y")
    assert (sent(site) == []) is held
    site.clock.advance(60)
    assert len(sent(site)) == held


def test_a_body_that_names_nothing_is_altered_too() -> None:
    site = site_with("bad-signature", hook={"payload": "empty"}, form="altered-body")
    put(site, "x")
    (delivery,) = sent(site)
    asked, header = delivery.exchange, delivery.exchange.headers["x-mockehr-signature"]
    assert b'"x"' not in asked.body
    assert "fit" in verify("old-one", header, asked.body, now=int(site.clock.now()))
    assert verify("old-one", header, asked.body.rstrip(b" "), now=int(site.clock.now())) == ""


def test_a_secret_is_rotated_once_for_each_endpoint() -> None:
    site = site_with("rotated-secret", "one", "two")
    for id in ("x", "y", "z"):
        put(site, id)
    fired = [(e.peer, d.why) for e in site.journal for d in e.decisions if d.outcome == "fired"]
    assert [name for name, _ in fired] == ["one", "two"]
    secrets = [site.outbox.hooks[name].secret for name in ("one", "two")]
    assert len({*secrets, "old-one", "old-two"}) == 4
    assert all(repr(secret) in why for secret, (_, why) in zip(secrets, fired, strict=True))


def test_who_was_switched_off_hears_nothing_of_what_happens_meanwhile() -> None:
    site = site_with("subscription-off")
    for id in ("x", "y"):
        put(site, id)
    assert sent(site) == []
    assert site.outbox.lane("one").off == "switched off by the server"
    assert decided(site) == [("fired", "one is told nothing more")]
