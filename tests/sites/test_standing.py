"""A site built again from the same options stands as the first one did, in whatever process."""

from __future__ import annotations

import pickle

from mockehr.auth.people import User
from mockehr.core.exchange import Exchange
from mockehr.events import Hook
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.standing import stand, standing_of
from mockehr.sites.test_client import register_demo_client


def made() -> Site:
    site = build_site(SiteOptions("north", patients=20, stepped=True, open_access=True))
    register_demo_client(site)
    return site


def read(site: Site) -> int:
    reply = site.handle(Exchange("fhir", path="/metadata", base_url="http://x")).reply
    assert reply is not None
    return reply.status


def test_rules_clocks_clients_receivers_and_snapshots_are_the_same_and_counts_are_not() -> None:
    first, second = made(), made()
    first.clock.advance(100.0)
    first.arm({"use": "rate-limit", "name": "stop", "with": {"budget": 0}, "when": {"window": [0, 50]}})
    first.arm({"use": "windows-1252-names", "with": {"rate": 0.5}})
    register_demo_client(first, "late", "system/Patient.rs", secret="hush")
    first.auth.clients.remove("demo")
    first.outbox.add(Hook("told", "http://127.0.0.1:1/"))
    first.store.commit({"resourceType": "Basic", "id": "b1"}, kind="create", source="control")
    first.snapshots.take("kept")
    assert read(first) == 429
    first.clock.advance(20.0)

    second.arm({"use": "latency", "name": "other"})
    stand(second, pickle.loads(pickle.dumps(standing_of(first))))
    assert second.clock.now() == first.clock.now()
    assert [rule.describe() | {"seen": 1, "fired": 1} for rule in second.rules] == [
        rule.describe() for rule in first.rules
    ]
    assert [(rule.seen, rule.fired, rule.armed_at) for rule in second.rules] == [(0, 0, first.rules[0].armed_at)]
    assert read(second) == 429
    assert second.charts is not None
    assert first.charts is not None
    (mine,), (theirs,) = second.charts.infections.values(), first.charts.infections.values()
    assert list(mine.patients()) == list(theirs.patients()) != []
    assert [client.client_id for client in second.auth.clients] == ["late"]
    assert list(second.outbox.hooks) == ["told"]
    second.snapshots.restore("kept")
    assert second.store.read("Basic", "b1") is not None
    second.clock.advance(30.0)
    assert read(second) == 200  # the window counts from when it was armed there


def test_what_was_handed_on_is_not_touched_by_what_is_counted_later() -> None:
    site = made()
    site.arm({"use": "rate-limit", "name": "stop", "with": {"budget": 5}})
    standing = standing_of(site)
    read(site)
    assert standing.rules[0].memory == {}
    other = made()
    stand(other, standing)
    read(other)
    assert standing.rules[0].memory == {}
    assert standing.rules[0].seen == 0


def test_accounts_are_the_same_those_that_were_struck_off_too() -> None:
    first, second = made(), made()
    first.auth.users.add(User("joe", "Practitioner/d1", password="pw"))
    first.auth.users.remove("nurse")
    second.auth.users.add(User("jane", "Practitioner/d2"))
    stand(second, pickle.loads(pickle.dumps(standing_of(first))))
    assert [user.username for user in second.auth.users] == [user.username for user in first.auth.users]
    assert second.auth.users.get("joe").password == "pw"
    stand(second, standing_of(second))
    assert second.auth.users.find("nurse") is None
