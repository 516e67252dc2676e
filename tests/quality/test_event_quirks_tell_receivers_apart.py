"""Every quirk of events tells a receiver that copes from one with the habit that the quirk is about.

Both are small programs in memory; the habits are planted one by one. A naive receiver has to get along with a site
that nothing disturbs: then it is the quirk that it does not survive, and the quirk's probe says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from mockehr.control.operations import webhooks
from mockehr.core.clock import instant
from mockehr.core.exchange import Exchange
from mockehr.events import Hook, Policy, verify
from mockehr.quirks.rule import quirks
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.probes import probes
from mockehr.sites.build import build_site
from mockehr.sites.heard import heard_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

SECRET = "s3cret"
OVERLAP = 120.0
SIGNATURE = "x-mockehr-signature"


class Careful:
    """Verifies, knows what it has seen, fetches by id, keeps the newest version, polls with an overlap."""

    capacity = 1000
    """Deliveries that it answers between two ticks."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.secret = SECRET
        self.kept: dict[str, Any] = {}
        self.watermark = site.clock.now()
        self.wanted: dict[str, int] = {}
        self.signatures: set[str] = set()
        self.answered = 0

    def take(self, exchange: Exchange) -> int:
        """The status with which a delivery is answered; 0 for no answer."""
        self.answered += 1
        if self.answered > self.capacity:
            return 0
        if not self.believes(exchange):
            return 401
        note = json.loads(exchange.body)
        if note.get("type") not in ("heartbeat", "handshake"):
            self.apply(note)
        return 200

    def believes(self, exchange: Exchange) -> bool:
        header = exchange.headers.get(SIGNATURE, "")
        if self.fault(header, exchange.body):
            self.secret = webhooks.secret(self.site, "app")["secrets"][0]
        if self.fault(header, exchange.body) or header in self.signatures:
            return False
        self.signatures.add(header)
        return True

    def fault(self, header: str, body: bytes) -> str:
        return verify(self.secret, header, body, now=int(self.site.clock.now()))

    def apply(self, note: dict[str, Any]) -> None:
        about = note.get("resource", {})
        if "document" in about:
            self.keep(about["document"])
        elif "reference" in about:
            self.wanted[about["reference"]] = max(self.wanted.get(about["reference"], 0), int(about["version"]))
            self.fetch()

    def fetch(self) -> None:
        """Read what is wanted; what is not there yet, or not new enough, stays wanted."""
        for key, version in list(self.wanted.items()):
            document = self.get(f"/{key}")
            if document.get("resourceType") != "OperationOutcome":
                self.keep(document)
                if int(document["meta"]["versionId"]) >= version:
                    del self.wanted[key]

    def keep(self, document: dict[str, Any]) -> None:
        key = f"{document['resourceType']}/{document['id']}"
        held = self.kept.get(key)
        if held is None or int(held["meta"]["versionId"]) < int(document["meta"]["versionId"]):
            self.kept[key] = document

    def tick(self) -> None:
        """What it does now and then."""
        self.answered = 0
        self.fetch()
        self.poll()
        self.watch()

    def poll(self) -> None:
        now = self.site.clock.now()
        found = self.get("/Patient/_history", f"_count=1000&_since={instant(self.watermark - OVERLAP)}")
        for entry in found.get("entry", ()):
            self.keep(entry["resource"])
        self.watermark = now

    def watch(self) -> None:
        """Have the endpoint told again, if it is told nothing."""
        if self.site.outbox.lane("app").off:
            webhooks.switch(self.site, "app")

    def get(self, path: str, query: str = "") -> Any:
        exchange = Exchange("fhir", path=path, query=query, base_url="http://a.example.org/fhir", client="backend")
        reply = self.site.handle(exchange).reply
        assert reply is not None
        return reply.document if reply.document is not None else json.loads(reply.body)

    def records(self) -> list[Any]:
        return list(self.kept.values())


class Appends(Careful):
    """BUG F1: a row for each creation that is told."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.created: list[str] = []

    def apply(self, note: dict[str, Any]) -> None:
        super().apply(note)
        if note["type"] == "patient.created":
            self.created.append(note["resource"]["reference"])

    def records(self) -> list[Any]:
        return [self.kept[key] for key in self.created]


class NeverPolls(Careful):
    """BUG F2, F7: what is not told is not known."""

    def poll(self) -> None:
        pass


class ByArrival(NeverPolls):
    """BUG F3: what comes last is the last."""

    def keep(self, document: dict[str, Any]) -> None:
        self.kept[f"{document['resourceType']}/{document['id']}"] = document


class GivesUp(NeverPolls):
    """BUG F3: what is not there is not there."""

    def fetch(self) -> None:
        super().fetch()
        self.wanted.clear()


class Believes(Careful):
    """BUG F4: whoever knows the address is the hospital."""

    def believes(self, exchange: Exchange) -> bool:
        return True


class ForgetsTimes(Careful):
    """BUG F4: a signature that fits is good for ever."""

    def believes(self, exchange: Exchange) -> bool:
        header = exchange.headers.get(SIGNATURE, "")
        return not verify(self.secret, header, exchange.body, now=0, tolerance=1 << 62)


class KeepsItsSecret(Careful):
    """BUG F4: the secret is a constant."""

    def believes(self, exchange: Exchange) -> bool:
        return not self.fault(exchange.headers.get(SIGNATURE, ""), exchange.body)


class WantsDocuments(NeverPolls):
    """BUG F5: what was asked for is what comes."""

    def apply(self, note: dict[str, Any]) -> None:
        if "document" in note.get("resource", {}):
            super().apply(note)


class NeverLooks(Careful):
    """BUG F6: once subscribed, always subscribed."""

    def watch(self) -> None:
        pass


class Overwhelmed(Careful):
    """BUG F8: the work is done before the answer, so that few are answered in time."""

    capacity = 3


class NoOverlap(Careful):
    """BUG F9: what was written before the last poll was seen by it."""

    def poll(self) -> None:
        self.watermark += OVERLAP
        super().poll()


@dataclass(frozen=True)
class Trouble:
    """A quirk, how it is armed, which probe asks about it, and who fails."""

    naive: type[Careful]
    probe: str
    settings: dict[str, Any] = field(default_factory=dict)
    when: dict[str, Any] = field(default_factory=dict)
    payload: Any = "id-only"
    beside: tuple[dict[str, Any], ...] = ()
    """Further rules."""


SOME = {"every": 3}
DROP_ALL = {"use": "dropped-delivery", "name": "all"}
TROUBLES: dict[str, list[Trouble]] = {
    "bad-signature": [
        Trouble(Believes, "signature-verified", {"form": "wrong-secret"}, SOME),
        Trouble(Believes, "signature-verified", {"form": "altered-body"}, SOME, "full"),
        Trouble(Believes, "signature-verified", {"form": "missing"}, SOME),
    ],
    "dropped-delivery": [
        Trouble(NeverPolls, "events-reconciled", {}, SOME),
        Trouble(NeverPolls, "gap-detected", {}, {"skip": 4, "at_most": 1}),
    ],
    "duplicate-delivery": [Trouble(Appends, "webhook-idempotent", {"later": "2min"}, SOME)],
    "early-delivery": [Trouble(GivesUp, "early-read-retried", {"lag": "8s"})],
    "event-burst": [Trouble(Overwhelmed, "burst-survived", {"lasts": "30s"})],
    "event-number-gap": [Trouble(NeverPolls, "gap-detected", {}, SOME)],
    "heartbeat-gap": [Trouble(NeverPolls, "gap-detected", {}, {"skip": 1, "at_most": 1})],
    "late-delivery": [Trouble(ByArrival, "event-order", {"least": "1min", "most": "3min"}, SOME, "full")],
    "payload-differs": [
        Trouble(WantsDocuments, "id-only-fetched", {"payload": "id-only"}, SOME, "full"),
        Trouble(WantsDocuments, "id-only-fetched", {"payload": "empty"}, SOME, "full"),
    ],
    "reordered-delivery": [Trouble(ByArrival, "event-order", {"by": 1}, {"skip": 1, "every": 3}, "full")],
    "replayed-signature": [Trouble(ForgetsTimes, "replay-refused", {"later": "10min"}, SOME)],
    "rotated-secret": [Trouble(KeepsItsSecret, "secret-rotation-survived", {}, {"skip": 5})],
    "subscription-off": [Trouble(NeverLooks, "subscription-watched", {}, {"skip": 5, "at_most": 1})],
    "watermark-skew": [Trouble(NoOverlap, "watermark-overlaps", {"by": "20s", "share": 0.5}, beside=(DROP_ALL,))],
}
ONLY_SUBSCRIPTIONS = {"handshake-missing"}
"""Who was not subscribed by its own client cannot tell: see `test_event_quirks_of_subscriptions.py`."""


def played(receiver: type[Careful], rules: Sequence[dict[str, Any]], payload: Any = "id-only") -> Case:
    """A dozen changes of four patients, told to a receiver in memory, and half an hour without any."""
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    policy = Policy(ladder=(10.0, 60.0))
    site.outbox.add(Hook("app", "http://app.example.org/hook", SECRET, payload=payload, policy=policy))
    for rule in rules:
        site.arm(rule)
    one = receiver(site)

    def deliver() -> None:
        while (delivery := site.outbox.take()) is not None:
            status = one.take(delivery.exchange)
            site.outbox.settle(delivery, status, "" if status else "no answer within 10 s")

    for step in range(12):
        write(site, f"p{step // 3}", f"Name{step}")
        if step % 4 == 3:
            site.outbox.notify("app", "heartbeat")
        deliver()
        site.clock.advance(5)
        if step % 3 == 2:
            one.tick()
    for _ in range(60):
        site.clock.advance(30)
        deliver()
        one.tick()
    return Case(tuple(site.journal), "a", "backend", heard_of(site, "app", one.records()))


def write(site: Site, id: str, family: str) -> None:
    known, now = site.store.read("Patient", id), site.clock.now()
    document = {"resourceType": "Patient", "id": id, "name": [{"family": family}]}
    stamped = site.fhir.stamp(document, known.version + 1 if known else 1, now)
    site.store.commit(stamped, kind="update" if known else "create", source="control")


def asked(probe: str, case: Case) -> Finding:
    return probes().get(probe).judge(case)


EVERY = [
    pytest.param(use, trouble, id=f"{use}-{place}")
    for use, troubles in TROUBLES.items()
    for place, trouble in enumerate(troubles)
]


def rules_of(use: str, trouble: Trouble) -> list[dict[str, Any]]:
    return [*trouble.beside, {"use": use, "with": trouble.settings, "when": trouble.when}]


@pytest.mark.parametrize(("use", "trouble"), EVERY)
def test_who_copes_passes_and_has_all_records(use: str, trouble: Trouble) -> None:
    case = played(Careful, rules_of(use, trouble), trouble.payload)
    finding = asked(trouble.probe, case)
    assert (finding.verdict, case.truth and case.truth.text()) == ("pass", "4 records expected, 4 given: the same")
    assert finding.evidence


@pytest.mark.parametrize(("use", "trouble"), EVERY)
def test_who_has_the_habit_fails_and_did_not_without_the_quirk(use: str, trouble: Trouble) -> None:
    calm = played(trouble.naive, (), trouble.payload)
    assert calm.truth is not None
    assert calm.truth.ok
    assert asked(trouble.probe, calm).verdict in ("not-applicable", "pass")
    finding = asked(trouble.probe, played(trouble.naive, rules_of(use, trouble), trouble.payload))
    assert finding.verdict == "fail"
    assert finding.evidence


def test_every_quirk_of_events_tells_somebody_apart() -> None:
    family = {name for name, quirk in quirks().items() if quirk.about.family == "events"}
    assert set(TROUBLES) == family - ONLY_SUBSCRIPTIONS


@pytest.mark.parametrize("probe", sorted({one.probe for troubles in TROUBLES.values() for one in troubles}))
def test_a_day_without_trouble_proves_nothing(probe: str) -> None:
    expected = "pass" if probe == "id-only-fetched" else "not-applicable"  # every event without its resource is one
    assert asked(probe, played(Careful, ())).verdict == expected


def test_two_runs_with_one_seed_tell_the_same() -> None:
    rules = [{"use": "late-delivery", "when": {"probability": 0.4}}, {"use": "bad-signature", "when": {"every": 4}}]
    one, other = (played(Careful, rules).exchanges for _ in range(2))
    assert [(e.body, e.headers, e.decisions) for e in one] == [(e.body, e.headers, e.decisions) for e in other]


class AppliesAnyway(Careful):
    """BUG F4: refuses in words, and applies all the same."""

    def take(self, exchange: Exchange) -> int:
        status = super().take(exchange)
        self.apply(json.loads(exchange.body))
        return status


def test_what_is_refused_must_not_be_applied() -> None:
    rule = {"use": "bad-signature", "with": {"form": "altered-body"}, "when": {"every": 3}}
    case = played(AppliesAnyway, [rule], "full")
    assert asked("signature-verified", case).verdict == "fail"


def test_a_replay_is_no_second_delivery_of_the_event() -> None:
    case = played(ForgetsTimes, [{"use": "replayed-signature", "when": {"every": 3}}])
    assert asked("webhook-idempotent", case).verdict == "not-applicable"


class RefusesForGood(Careful):
    """BUG F8: what is too much is refused, and so is its retry."""

    def take(self, exchange: Exchange) -> int:
        return 503


def test_what_is_refused_again_and_again_was_not_survived() -> None:
    case = played(RefusesForGood, [{"use": "event-burst", "with": {"lasts": "30s"}}])
    assert asked("burst-survived", case).verdict == "fail"
