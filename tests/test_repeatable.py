"""Same seed, same requests: same journal; run concurrently: the same decision for each exchange."""

from __future__ import annotations

import random
from collections import defaultdict

from mockehr.core.exchange import Exchange
from mockehr.journal import entry
from mockehr.sites.build import build_site
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
