"""Every quirk of events through real sockets: what a receiver, or who reads after it, sees with it and without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from mockehr.core.errors import ConfigError, VerdictFailed
from mockehr.core.exchange import Exchange
from mockehr.events import Delivery, Hook, verify
from mockehr.quirks.rule import quirks, rule_from
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.testing.receiver import Arrival, Receiver
from mockehr.testing.world import TestSite, World

SECRET = "s3cret"
SIGNATURE = "x-mockehr-signature"


@dataclass
class Wire:
    """A stepped site that tells one receiver of everything, one delivery at a time."""

    site: TestSite
    receiver: Receiver
    http: httpx2.Client

    def happen(self, *families: str) -> None:
        """A patient is written for each of those names, whose id it has in small letters."""

        site = self.site.site

        def write() -> None:
            for family in families:
                document = {"resourceType": "Patient", "id": family.lower(), "name": [{"family": family}]}
                known = site.store.read("Patient", family.lower())
                stamped = site.fhir.stamp(document, known.version + 1 if known else 1, site.clock.now())
                site.store.commit(stamped, kind="update" if known else "create", source="control")

        self.site._call(write)

    def notify(self, kind: Any) -> Delivery:
        found: Delivery = self.site._call(self.site.site.outbox.notify, "app", kind)
        return found

    def came(self, n: int) -> list[str]:
        """Ids of patients that the first n deliveries were about, in order of arrival."""
        return [named(arrival) for arrival in self.receiver.wait_for(n)]

    def get(self, target: str) -> httpx2.Response:
        return self.http.get(f"{self.site.fhir_url}/{target}")

    def held(self) -> bool:
        """Whether the site has told all that it can tell now, and nothing arrived."""
        self.site.advance(0)
        return not len(self.receiver)


def named(arrival: Arrival) -> str:
    return str(arrival.json.get("resource", {}).get("reference", "")).removeprefix("Patient/")


def holds(wire: Wire, arrival: Arrival, secret: str = SECRET) -> bool:
    try:
        arrival.verify(secret, now=wire.site.now)
    except VerdictFailed:
        return False
    return True


@pytest.fixture
def wire(mockehr: World, mockehr_webhooks: Receiver) -> Any:
    site = mockehr.site(stepped=True, open_access=True)
    site.webhook(mockehr_webhooks.url, name="app", secret=SECRET, at_once=1)
    with httpx2.Client(timeout=30) as client:
        yield Wire(site, mockehr_webhooks, client)


def twice(wire: Wire, armed: bool) -> None:
    wire.happen("Muster")
    first = wire.receiver.wait_for(1)[0]
    wire.site.advance("119s")
    wire.site.advance(0)
    assert len(wire.receiver) == 1
    wire.site.advance("1s")
    wire.happen("Later")
    second = wire.receiver.wait_for(2)[1]
    assert (second.json["id"] == first.json["id"]) is armed
    assert second.headers["x-mockehr-delivery"] != first.headers["x-mockehr-delivery"]


def never(wire: Wire, armed: bool) -> None:
    wire.happen("Lost", "Found")
    assert wire.came(1 if armed else 2) == (["found"] if armed else ["lost", "found"])


def overtaken(wire: Wire, armed: bool) -> None:
    wire.happen("A", "B", "C")
    assert wire.came(3) == (["b", "c", "a"] if armed else ["a", "b", "c"])


def late(wire: Wire, armed: bool) -> None:
    wire.happen("Muster")
    if armed:
        assert wire.held()
        wire.site.advance("1h")
    arrival = wire.receiver.wait_for(1)[0]
    assert arrival.json["occurred"] == "2026-01-05T12:00:00Z"
    assert holds(wire, arrival)  # signed when it was sent


def too_early(wire: Wire, armed: bool) -> None:
    wire.happen("Muster")
    wire.receiver.wait_for(1)
    wanted = (404, 0) if armed else (200, 1)
    assert (wire.get("Patient/muster").status_code, wire.get("Patient").json()["total"]) == wanted
    assert wire.get("Patient/_history").json()["total"] == wanted[1]
    wire.site.advance("5s")
    assert (wire.get("Patient/muster").status_code, wire.get("Patient").json()["total"]) == (200, 1)
    wire.happen("Muster")
    assert wire.get("Patient/muster").json()["meta"]["versionId"] == ("1" if armed else "2")
    assert wire.get("Patient").json()["entry"][0]["resource"]["meta"]["versionId"] == ("1" if armed else "2")


def behind_the_watermark(wire: Wire, armed: bool) -> None:
    wire.happen("Muster")
    wire.site.advance("10s")
    wanted = 0 if armed else 1
    assert wire.get("Patient?_lastUpdated=ge2026-01-05T12:00:00Z").json()["total"] == wanted
    assert wire.get("_history").json()["total"] == wanted
    assert wire.get("Patient/muster").status_code == 200
    wire.site.advance("20s")
    found = wire.get("Patient?_lastUpdated=ge2026-01-05T12:00:00Z").json()["entry"][0]["resource"]
    assert found["meta"]["lastUpdated"].startswith("2026-01-05T12:00:00")


def at_once(wire: Wire, armed: bool) -> None:
    wire.happen("A", "B")
    if armed:
        assert wire.held()
        wire.site.advance("5min")
        wire.happen("C")
        assert wire.held()
        wire.site.advance("5min")
    else:
        wire.happen("C")
    assert wire.came(3) == ["a", "b", "c"]
    assert all(holds(wire, arrival) for arrival in wire.receiver)
    wire.happen("D")  # the outage is over
    assert wire.came(4)[3] == "d"


def unsigned(wire: Wire, armed: bool) -> None:
    wire.happen("Muster")
    arrival = wire.receiver.wait_for(1)[0]
    assert named(arrival) == "muster"
    assert holds(wire, arrival) is not armed


def altered(wire: Wire, armed: bool) -> None:
    wire.happen("Muster")
    arrival = wire.receiver.wait_for(1)[0]
    assert named(arrival) == ("muster0" if armed else "muster")
    assert holds(wire, arrival) is not armed


def without(wire: Wire, armed: bool) -> None:
    wire.happen("Muster")
    assert (SIGNATURE in wire.receiver.wait_for(1)[0].headers) is not armed


def recorded(wire: Wire, armed: bool) -> None:
    wire.happen("Muster")
    first = wire.receiver.wait_for(1)[0]
    assert holds(wire, first)
    wire.receiver.answer(401)
    wire.site.advance("10min")
    if not armed:
        wire.receiver.answer(200)
        wire.happen("Later")
    second = wire.receiver.wait_for(2)[1]
    own = ("content-type", "x-mockehr-attempt", "x-mockehr-delivery", SIGNATURE)
    same = [second.headers[name] for name in own] == [first.headers[name] for name in own]
    assert (same and second.body == first.body) is armed
    assert holds(wire, second) is not armed
    wire.site.advance("2h")
    wire.site.advance(0)
    assert len(wire.receiver) == 2  # nobody tries a replay again


def signed_anew(wire: Wire, armed: bool) -> None:
    wire.happen("A", "B", "C")
    wire.receiver.wait_for(3)
    signed = [holds(wire, arrival) for arrival in wire.receiver]
    assert signed == ([True, False, False] if armed else [True] * 3)
    told = wire.site._control("webhook secret", name="app")["secrets"]
    assert told == (["other"] if armed else [SECRET])
    assert all(holds(wire, arrival, told[0]) for arrival in list(wire.receiver)[1:])


def fuller(wire: Wire, armed: bool) -> None:
    wire.happen("Muster")
    body = wire.receiver.wait_for(1)[0].json
    assert ("document" in body["resource"]) is armed


def told_no_more(wire: Wire, armed: bool) -> None:
    wire.happen("A", "B")
    if armed:
        assert wire.held()
        assert wire.site._control("webhook list")["webhooks"][0]["off"] == "switched off by the server"
        wire.site._control("webhook switch", name="app")
    wire.happen("C")
    assert wire.came(1 if armed else 3) == (["c"] if armed else ["a", "b", "c"])


def no_beat(wire: Wire, armed: bool) -> None:
    for _ in range(2):
        wire.notify("heartbeat")
    wire.happen("Muster")
    arrived = wire.receiver.wait_for(2 if armed else 3)
    assert [one.json["type"] for one in arrived] == ["heartbeat"] * (1 if armed else 2) + ["patient.created"]


def no_shake(wire: Wire, armed: bool) -> None:
    wire.notify("handshake")
    wire.happen("Muster")
    arrived = wire.receiver.wait_for(1 if armed else 2)
    assert [one.json["type"] for one in arrived] == ["handshake"] * (not armed) + ["patient.created"]


def skipped_numbers(wire: Wire, armed: bool) -> None:
    wire.happen("A", "B", "C")
    assert wire.came(3) == ["a", "b", "c"]
    outbox = wire.site.site.outbox
    numbers = [event.number for event in wire.site._call(lambda: list(outbox.events("app", 1, 99)))]
    assert numbers == ([1, 4, 5] if armed else [1, 2, 3])
    assert outbox.lane("app").told == (5 if armed else 3)


Seen = Callable[[Wire, bool], None]


@dataclass(frozen=True)
class Try:
    """How to provoke a quirk: what must be seen, its settings, when it fires, and on which channel."""

    seen: Seen
    settings: dict[str, Any] = field(default_factory=dict)
    when: dict[str, Any] = field(default_factory=dict)
    channel: str = "webhook"


FIRST = {"first": 1}
TRIES: dict[str, list[Try]] = {
    "bad-signature": [
        Try(unsigned, {"form": "wrong-secret"}),
        Try(altered, {"form": "altered-body"}),
        Try(without, {"form": "missing"}),
    ],
    "dropped-delivery": [Try(never, when=FIRST)],
    "duplicate-delivery": [Try(twice, {"later": "2min"}, FIRST)],
    "early-delivery": [Try(too_early, {"lag": "5s"}, channel="fhir")],
    "event-burst": [Try(at_once, {"lasts": "10min"})],
    "event-number-gap": [Try(skipped_numbers, {"numbers": 2}, {"skip": 1, "at_most": 1})],
    "handshake-missing": [Try(no_shake)],
    "heartbeat-gap": [Try(no_beat, when=FIRST)],
    "late-delivery": [Try(late, {"least": "1h", "most": "1h"})],
    "payload-differs": [Try(fuller, {"payload": "full"})],
    "reordered-delivery": [Try(overtaken, {"by": 2}, FIRST)],
    "replayed-signature": [Try(recorded, {"later": "10min"}, FIRST)],
    "rotated-secret": [Try(signed_anew, {"secret": "other"}, {"skip": 1})],
    "subscription-off": [Try(told_no_more, when=FIRST)],
    "watermark-skew": [Try(behind_the_watermark, {"by": "30s", "share": 1.0}, channel="fhir")],
}


def test_every_quirk_of_events_is_tried() -> None:
    assert set(TRIES) == {name for name, quirk in quirks().items() if quirk.about.family == "events"}


@pytest.mark.parametrize("armed", [True, False], ids=["armed", "calm"])
@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, case, id=f"{name}-{case.seen.__name__}") for name, cases in TRIES.items() for case in cases],
)
def test_the_receiver_sees_what_the_quirk_promises_and_nothing_without_it(
    name: str, case: Try, armed: bool, wire: Wire
) -> None:
    if armed:
        wire.site.quirk(name, name="trouble", when=case.when, **case.settings)
    case.seen(wire, armed)
    fired = wire.site.journal(channel=case.channel, quirk=name, rule="trouble")
    assert bool(fired) is armed
    assert [rule.fired for rule in wire.site.site.rules] == ([len(fired)] if armed else [])


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"use": "bad-signature", "with": {"form": "wrong-secrt"}}, "did you mean wrong-secret"),
        ({"use": "payload-differs", "with": {"payload": "ful"}}, "did you mean full"),
        ({"use": "late-delivery", "with": {"least": "2h", "most": "1h"}}, "less than least"),
        ({"use": "reordered-delivery", "with": {"by": 0}}, "1 or more"),
        ({"use": "event-number-gap", "with": {"numbers": 0}}, "1 or more"),
        ({"use": "watermark-skew", "with": {"share": 0}}, "above 0"),
        ({"use": "replayed-signature", "with": {"later": 0}}, "some time after"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(rule: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match="not set up right") as refused:
        rule_from(rule)
    assert why in str(refused.value)


def test_a_rule_may_be_for_one_receiver_by_name(wire: Wire) -> None:
    wire.site.webhook(wire.receiver.url, name="other", secret=SECRET)
    wire.site.quirk("bad-signature", where={"endpoint": "oth*"})
    wire.happen("Muster")
    wire.receiver.wait_for(2)
    told = {e.peer: [(d.outcome, d.why) for d in e.decisions] for e in wire.site.journal(channel="webhook")}
    assert told == {"app": [("skipped", "endpoint is app, not oth*")], "other": [("fired", "")]}
    asked = Exchange("fhir", path="/metadata")
    rule = rule_from({"use": "latency", "where": {"endpoint": "app"}})
    assert rule.where.difference(asked) == "endpoint is none, not app"
    assert rule.where.difference(Exchange("fhir", peer="app")) == "endpoint is none, not app"


def test_what_has_no_secret_cannot_be_badly_signed() -> None:
    site = build_site(SiteOptions("a", stepped=True))
    site.outbox.add(Hook("app", "http://app.example.org/hook"))
    for form in ("wrong-secret", "altered-body"):
        site.arm({"use": "bad-signature", "name": form, "with": {"form": form}})
    for use in ("replayed-signature", "rotated-secret"):
        site.arm({"use": use})
    site.store.commit({"resourceType": "Patient", "id": "1"}, kind="create", source="control")
    (exchange,) = site.journal
    assert [decision.outcome for decision in exchange.decisions] == ["idle"] * 4
    assert SIGNATURE not in exchange.headers


def test_nobody_records_what_was_not_sent_yet_nor_what_was_badly_signed() -> None:
    site = build_site(SiteOptions("a", stepped=True))
    site.outbox.add(Hook("app", "http://app.example.org/hook", SECRET))
    site.arm({"use": "late-delivery", "with": {"least": "25min", "most": "25min"}, "when": {"first": 1}})
    site.arm({"use": "bad-signature", "when": {"skip": 1, "first": 1}})
    site.arm({"use": "dropped-delivery", "when": {"skip": 2, "first": 1}})
    site.arm({"use": "replayed-signature", "with": {"later": "10min"}})
    sent: list[tuple[float, str, bool]] = []
    began = site.clock.now()
    for number in ("late", "bad", "dropped"):
        site.store.commit({"resourceType": "Patient", "id": number}, kind="create", source="control")
    for _ in range(70):
        while (delivery := site.outbox.take()) is not None:
            asked = delivery.exchange.interaction
            assert asked is not None
            sent.append(((site.clock.now() - began) / 60, asked.id, "replayed" in delivery.exchange.notes))
            site.outbox.settle(delivery, 401 if sent[-1][2] else 200)  # nobody tries a replay again
        site.clock.advance(60)
    assert sent == [(0, "bad", False), (25, "late", False), (30, "late", True)]
    assert site.clock.pending() == 0


def test_both_secrets_sign_where_the_old_one_is_kept() -> None:
    site = build_site(SiteOptions("a", stepped=True))
    site.outbox.add(Hook("app", "http://app.example.org/hook", "old"))
    site.arm({"use": "rotated-secret", "with": {"secret": "new", "keep_old": True}})
    site.store.commit({"resourceType": "Patient", "id": "1"}, kind="create", source="control")
    (exchange,) = site.journal
    now = int(site.clock.now())
    assert [verify(one, exchange.headers[SIGNATURE], exchange.body, now=now) for one in ("old", "new")] == ["", ""]


def test_which_records_are_found_late_depends_on_the_record_and_not_on_who_asks() -> None:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    site.arm({"use": "watermark-skew", "with": {"by": "30s", "share": 0.5}})
    for number in range(20):
        site.store.commit({"resourceType": "Patient", "id": f"p{number}"}, kind="create", source="control")

    def found(path: str, query: str) -> set[str]:
        exchange = Exchange("fhir", path=path, query=query, base_url="http://a.example.org/fhir")
        site.handle(exchange)
        return {key.removeprefix("Patient/") for key in exchange.returned}

    first = found("/Patient", "_count=50")
    assert 0 < len(first) < 20
    assert first == found("/Patient", "_count=40") == found("/Patient/_history", "_count=50")
    site.clock.advance(30)
    assert len(found("/Patient", "_count=50")) == 20
