"""Same seed, same requests: same journal; run concurrently: the same decision for each exchange."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from functools import cache

from tests.sites.exporter import Exporter
from tests.sites.subscribing import topical

from mockehr.core.exchange import Exchange
from mockehr.events import Hook, Policy
from mockehr.journal import entry
from mockehr.quirks.rule import quirks
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

RULES = (
    {"use": "latency", "when": {"probability": 0.4}, "with": {"jitter": "0.1s"}},
    {"use": "page-repeats", "when": {"probability": 0.5}},
    {"use": "malformed-success", "when": {"probability": 0.3}, "with": {"body": "html"}},
)


def world(seed: int = 11, extra: bool = False) -> Site:
    options = SiteOptions("a", patients=40, seed=seed, stepped=True, open_access=True)
    site = build_site(options)
    if extra:
        site.arm({"use": "reset", "name": "extra", "when": {"probability": 0.5}})
    for rule in RULES:
        site.arm(rule)
    return site


def questions(site: Site) -> list[tuple[str, str]]:
    assert site.charts is not None
    ids = [site.charts.patient_id(index) for index in range(12)]
    asked = [("/Patient/" + id, "") for id in ids]
    asked += [("/Observation", f"patient={id}&category=laboratory&_count=3") for id in ids]
    asked += [("/Patient", "family=S&_count=5"), ("/Nope", ""), ("/Patient/nobody", "")]
    return asked * 2


def ask(site: Site, path: str, query: str) -> Exchange:
    return site.handle(Exchange("fhir", path=path, query=query, base_url="http://a.example.org/a/fhir/R4"))


def test_the_same_requests_give_byte_equal_journals() -> None:
    first, second = world(), world()
    for site in (first, second):
        for path, query in questions(site):
            ask(site, path, query)
    assert first.journal.ndjson() == second.journal.ndjson()
    assert len(first.journal.ndjson()) > 10_000


def test_another_seed_gives_another_journal() -> None:
    first, second = world(11), world(12)
    for site in (first, second):
        for path, query in questions(first):
            ask(site, path, query)
    assert first.journal.ndjson() != second.journal.ndjson()


def decisions(site: Site, order: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Decisions of the rules in RULES by what was asked, each list sorted: equal requests are interchangeable."""
    found = defaultdict(list)
    for path, query in order:
        made = [d for d in entry(ask(site, path, query))["decisions"] if d["rule"] != "extra"]
        found[f"{path}?{query}"].append(str(made))
    return {key: sorted(value) for key, value in found.items()}


def test_any_order_of_arrival_gives_the_same_decision_for_each_exchange() -> None:
    one, other = world(), world()
    order = questions(one)
    shuffled = list(order)
    random.Random(5).shuffle(shuffled)
    assert order != shuffled
    assert decisions(one, order) == decisions(other, shuffled)


def test_adding_a_rule_shifts_no_other_rules_draws() -> None:
    one, other = world(), world(extra=True)
    assert decisions(one, questions(one)) == decisions(other, questions(other))


@cache
def busy_days(seed: int = 11) -> tuple[bytes, frozenset[str]]:
    """The journal of a hospital that tells, is asked for exports and lies about both; the rules that acted."""
    site = build_site(SiteOptions("a", patients=20, seed=seed, stepped=True))
    client = Exporter(site, scopes="system/*.cruds")
    for family in ("events", "bulk"):
        for name, made in quirks().items():
            if f".{family}." in made.__module__:
                site.arm({"use": name, "when": {"probability": 0.02 if name == "subscription-off" else 0.25}})
    site.outbox.add(Hook("app", "http://app.example.org/", "s3cret", payload="full"))
    site.outbox.add(Hook("batch", "http://batch.example.org/", form="standard", policy=Policy(batch=3, order="fifo")))
    for topic in ("encounter-start", "result-available"):
        asked = topical(f"https://mockehr.example.org/SubscriptionTopic/{topic}", heartbeat=3600)
        assert client.send("POST", f"{client.base}/Subscription", body=json.dumps(asked).encode()).status == 201
    for name in ("transfer-in-error", "merged-duplicates"):
        site.pathways.start(name)
    jobs = []
    for turn in range(48):
        if turn % 6 == 0:
            jobs.append(client.kick_off(query="?_type=Patient,Encounter").header("Content-Location"))
        site.clock.advance(1800)
        while (delivery := site.outbox.take()) is not None:
            site.outbox.settle(delivery, 503 if delivery.number % 7 == 0 else 200)
        look_at(client, jobs)
    site.close()
    acted = {one.rule for exchange in site.journal for one in exchange.decisions if one.outcome == "fired"}
    return site.journal.ndjson(), frozenset(acted)


def look_at(client: Exporter, jobs: list[str]) -> None:
    """Ask after every export, and fetch what those that are ready list."""
    for where in tuple(jobs):
        answer = client.send("GET", where)
        if answer.status == 202:
            continue
        jobs.remove(where)
        if answer.status == 200:
            for listed in json.loads(answer.body)["output"]:
                client.send("GET", listed["url"])


def test_events_and_exports_with_all_their_quirks_armed_give_byte_equal_journals() -> None:
    first, acted = busy_days()
    busy_days.cache_clear()
    second, _ = busy_days()
    assert first == second
    assert len(acted) > 15
    for channel, least in ((b"webhook", 60), (b"files", 20)):
        assert first.count(b'"channel":"' + channel) > least


def test_another_seed_tells_of_events_otherwise() -> None:
    assert busy_days(12)[0] != busy_days()[0]


@cache
def fleet(seed: int = 11) -> bytes:
    """The journals of two hospitals drawn in production, one with an API of its own, and of a copy before them."""
    sites, directory = [], Directory()
    for name, vendor, behind in (("hub", "nexhealth", ("a", "b")), ("a", "epic", ()), ("b", "athena", ())):
        drawn = SiteOptions(
            name, vendor, patients=0 if behind else 6, seed=f"{seed}/{name}", stepped=True, open_access=True,
            environment="production", variance="realistic", fronts=behind,
        )  # fmt: skip
        sites.append(directory.add(build_site(drawn)))
    _, epic, athena = sites
    for site in (epic, athena):
        assert site.charts is not None
        for index in range(6):
            ask(site, f"/Patient/{site.charts.patient_id(index)}", "")
    practice = next(path for path in athena.endpoints.apis if path.startswith("/v1/"))
    for _ in range(120):
        athena.handle(Exchange("proprietary", path=f"{practice}/departments", peer="192.0.2.1"))
    for site in sites:
        site.clock.advance(7200)
    return b"".join(site.journal.ndjson() for site in sites)


def test_drawn_hospitals_with_apis_budgets_and_a_front_give_byte_equal_journals() -> None:
    first = fleet()
    fleet.cache_clear()
    assert fleet() == first
    for part in (b'"channel":"proprietary"', b'"channel":"upstream"', b'"site":"hub"'):
        assert part in first, part
    assert fleet(12) != first
