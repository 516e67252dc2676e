"""Clients that ask at the same time are disturbed as they would have been one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from mockehr.testing.world import TestSite, World

RULES = (
    {"use": "latency", "where": {"channel": "fhir"}, "when": {"probability": 0.5}, "with": {"delay": 0.002}},
    {"use": "malformed-success", "where": {"resource": "Condition"}, "when": {"probability": 0.4}},
    {"use": "page-repeats", "where": {"resource": "Observation"}, "when": {"probability": 0.3}},
)


def decided(site: TestSite) -> dict[str, list[list[tuple[str, str]]]]:
    """What the rules decided on each request, for equal requests in any order."""
    found: dict[str, list[list[tuple[str, str]]]] = {}
    for exchange in site.journal(channel="fhir"):
        target = f"{exchange.path}?{exchange.query}"
        found.setdefault(target, []).append([(d.rule, d.outcome) for d in exchange.decisions])
    return {target: sorted(decisions) for target, decisions in found.items()}


def asked(site: TestSite, run: Callable[[Callable[[str], int], Iterable[str]], Iterable[int]]) -> list[int]:
    """The statuses of reads and searches of every patient's chart, each asked twice."""
    targets = [
        target
        for id in site.patient_ids(12)
        for target in (f"/Patient/{id}", f"/Condition?patient={id}", f"/Observation?patient={id}")
    ]
    with httpx2.Client(base_url=site.fhir_url, trust_env=False) as http:
        return sorted(run(lambda target: http.get(site.fhir_url + target).status_code, targets * 2))


@pytest.mark.mockehr(vendor="generic", patients=12, open_access=True, quirks=RULES)
def test_eight_at_once_meet_the_same_decisions_as_one_after_the_other(mockehr: World) -> None:
    alone, together = mockehr.site(seed=5), mockehr.site(seed=5)
    one_by_one: Any = map
    with ThreadPoolExecutor(8) as pool:
        assert asked(alone, one_by_one) == asked(together, pool.map)
    expected = decided(alone)
    assert decided(together) == expected
    fired = [outcome for decisions in expected.values() for one in decisions for _, outcome in one]
    assert {"fired", "skipped"} <= set(fired)
