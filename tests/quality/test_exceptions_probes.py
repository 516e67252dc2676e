"""Probes of what a client parked and counted tell clients that cope from clients that do not, on a corrupted site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

from mockehr.core.exchange import JSON, Exchange
from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.probes import probes
from mockehr.scenarios.probes.shape_exceptions_counted import COUNTED
from mockehr.sites.build import build_site
from mockehr.sites.exceptions import Parked
from mockehr.sites.expected import everybody, truth_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.truth import TruthReport

TYPES = {"Patient": "", "Condition": "", "Observation": ""}
Client = Callable[[str, JSON], JSON | Parked | None]
"""What a client makes of a corrupted record: holds it, parks it, or loses it."""


def dirty_site() -> Site:
    site = build_site(SiteOptions("a", patients=6, stepped=True))
    site.arm({"use": "windows-1252-names", "with": {"rate": 1.0}})
    site.arm({"use": "free-text-units", "with": {"rate": 1.0}})
    return site


def sync(site: Site, client: Client, parked: Sequence[Parked] = ()) -> TruthReport:
    assert site.charts is not None
    held: list[JSON] = []
    aside = list(parked)
    for index in range(site.charts.size):
        touched = site.charts.corrupted(index)
        for document, _ in site.charts.dress(index, dirty=True):
            key = f"{document['resourceType']}/{document['id']}"
            made = client(key, document) if key in touched else document
            if isinstance(made, Parked):
                aside.append(made)
            elif made is not None and made["resourceType"] in TYPES:
                held.append(made)
    return truth_of(site, everybody(site), TYPES, held, aside)


def parks(key: str, record: JSON) -> Parked:
    kind = "encoding" if key.startswith("Patient") else "unit"
    return Parked(key, kind, "cannot be read")


def parks_without_a_word(key: str, record: JSON) -> Parked:
    return Parked(key, "", "?") if key.startswith("Patient") else Parked(key, "unit")


def loses(key: str, record: JSON) -> None:
    return None


def keeps(key: str, record: JSON) -> JSON:
    return record


def judged(probe: str, report: TruthReport | None, exchanges: Sequence[Exchange] = (), **facts: Any) -> Finding:
    return probes().get(probe).judge(Case(tuple(exchanges), truth=report, expected=facts.get("expected", {})))


def test_a_client_that_parks_what_it_cannot_take_in_copes_and_its_records_are_true() -> None:
    report = sync(dirty_site(), parks)
    assert judged("exceptions-parked", report).verdict == "pass"
    assert judged("truth", report).verdict == "pass"
    assert {one.failure for one in report.handled} == {"encoding", "unit"}
    assert all(one.parked == one.injected > 0 for one in report.handled)


def test_what_vanishes_in_silence_and_what_is_parked_without_a_word_fails() -> None:
    silent = sync(dirty_site(), loses)
    finding = judged("exceptions-parked", silent)
    assert finding.verdict == "fail"
    assert finding.faults == len(silent.vanished) == len(silent.lost) > 0
    wordless = sync(dirty_site(), parks_without_a_word)
    assert judged("truth", wordless).verdict == "pass"
    finding = judged("exceptions-parked", wordless)
    assert finding.verdict == "fail"
    assert finding.faults == len(wordless.parked)
    words = {word for one in finding.evidence for word in ("no type", "no reason") if word in one.text}
    assert words == {"no type", "no reason"}


def test_where_nothing_was_to_be_parked_nothing_is_judged() -> None:
    assert judged("exceptions-parked", None).verdict == "not-applicable"
    assert judged("exceptions-parked", sync(dirty_site(), keeps)).verdict == "not-applicable"
    clean = sync(build_site(SiteOptions("a", patients=2, stepped=True)), keeps)
    assert judged("exceptions-parked", clean).verdict == "not-applicable"


def test_a_client_that_parks_everything_parks_in_vain() -> None:
    site = build_site(SiteOptions("a", patients=2, stepped=True))
    report = truth_of(site, everybody(site), {"Patient": ""}, [], [Parked(f"Patient/{id}") for id in everybody(site)])
    assert [len(report.lost), len(report.parked_in_vain)] == [0, 2]
    assert judged("truth", report).verdict == "fail"


def test_a_rule_that_disturbed_an_answer_excuses_parking_what_it_named() -> None:
    site = build_site(SiteOptions("a", patients=2, stepped=True, open_access=True))
    site.arm({"use": "latency", "when": {"first": 1}})
    one, other = everybody(site)
    for id in (one, other):
        site.handle(Exchange("fhir", path=f"/Patient/{id}"))
    parked = [Parked(f"Patient/{id}", "parse", "?") for id in (one, other)]
    report = truth_of(site, [one, other], {"Patient": ""}, [], parked)
    assert [item.key for item in report.parked_in_vain] == [f"Patient/{other}"]


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ({"encoding": 3, "unit": 9}, "pass"),
        ({"parse-error": 3}, "pass"),  # what is no UTF-8, or no number, is no JSON to some parsers
        ({"encoding": 3, "unit": 0}, "fail"),
        ({}, "fail"),
        ({"encoding": 3, "unit": 9, "unknown-code": 1}, "fail"),
        ({"encoding": 3, "unit": 9, "unknown-code": 0, "our own": 5}, "pass"),
        (None, "not-applicable"),
    ],
)
def test_counts_are_compared_with_what_was_injected(counts: dict[str, int] | None, verdict: str) -> None:
    report = sync(dirty_site(), keeps)
    assert judged("shape-exceptions-counted", report, expected={COUNTED: counts}).verdict == verdict
    assert judged("shape-exceptions-counted", None, expected={COUNTED: counts}).verdict == "not-applicable"


def test_answers_that_are_no_json_are_to_be_counted_and_a_clean_run_proves_nothing(traffic: Any) -> None:
    clean = sync(build_site(SiteOptions("a", patients=2, stepped=True)), keeps)

    def verdict(counts: dict[str, int]) -> str:
        case = Case(tuple(traffic.exchanges), truth=clean, expected={COUNTED: counts})
        return str(probes().get("shape-exceptions-counted").judge(case).verdict)

    assert verdict({}) == "not-applicable"
    traffic.call("GET /Patient/1", body=b'{"resourceType": "Pat', reply={"content-type": "application/fhir+json"})
    assert verdict({}) == "fail"
    assert verdict({"parse-error": 1}) == "pass"
    assert verdict({"parse-error": 1, "unit": 1}) == "fail"
    traffic.call("GET /Patient/2", quirk="latency", reply={"content-type": "application/fhir+json"})
    assert verdict({"parse-error": 1, "unit": 1}) == "pass"


def test_the_report_of_a_corrupted_site_is_json() -> None:
    assert orjson.loads(orjson.dumps(sync(dirty_site(), parks).as_json()))["handled"]
