"""Thresholds of a verdict: what is let pass, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import EVIDENCE_SHOWN, Case, Evidence, Finding
from mockehr.scenarios.probes import probes
from mockehr.scenarios.schema import ThresholdsSection
from mockehr.scenarios.scorecard import Card
from mockehr.scenarios.thresholds import within
from mockehr.sites.truth import TruthReport


def judged(told: dict[str, Any], *findings: Finding, exchanges: int = 3, truth: TruthReport | None = None) -> Card:
    case = Case([Exchange("fhir", number=number + 1) for number in range(exchanges)], truth=truth)
    return within(Card("north", "c", findings), case, ThresholdsSection.model_validate(told))


def failed(faults: int, probe: str = "keeps-retry-after") -> Finding:
    evidence = [Evidence(number, "x") for number in range(faults)]
    return probes().get(probe).weigh(evidence, [], "", "{n} faults.")


@pytest.mark.parametrize(("faults", "verdict"), [(25, "pass"), (26, "fail")])
def test_a_probe_with_so_many_faults_passes_still_those_not_shown_counted(faults: int, verdict: str) -> None:
    told = {"probes": {"keeps-retry-after": {"faults_at_most": 25}}}
    found = judged(told, failed(faults)).findings[0]
    assert found.verdict == verdict
    assert len(found.evidence) == EVIDENCE_SHOWN
    assert judged(told, failed(1, "no-blind-repeat")).findings[0].verdict == "fail"


def test_a_finding_that_passed_has_no_faults() -> None:
    passed = probes().get("truth").weigh([], [Evidence(1, "x")], "fine", "")
    assert (passed.faults, judged({}, passed).findings) == (0, (passed,))


@pytest.mark.parametrize(
    ("told", "verdict"),
    [({"lost": 2}, "pass"), ({"lost": 1}, "fail"), ({"foreign": 9}, "fail"), ({}, "fail")],
)
def test_so_many_records_may_differ_by_kind(told: dict[str, int], verdict: str) -> None:
    report = TruthReport(5, 3, lost=("Patient/1", "Patient/2"))
    finding = probes().get("truth").judge(Case((), truth=report))
    assert judged({"truth": told}, finding, truth=report).findings[0].verdict == verdict


@pytest.mark.parametrize(("needed", "verdict"), [(0, "not-applicable"), (2, "pass"), (3, "fail")])
def test_a_client_may_need_so_many_exchanges(needed: int, verdict: str) -> None:
    found = judged({"exchanges": 2}, exchanges=needed).findings[0]
    assert (found.probe, found.verdict) == ("exchange-budget", verdict)
    assert not found.evidence or found.evidence[0].entry == 3


def test_a_threshold_names_a_probe_and_a_kind_that_there_is() -> None:
    for told in ({"probes": {"keeps-retry-afer": {"faults_at_most": 1}}}, {"truth": {"losst": 1}}):
        with pytest.raises(ValueError, match=r"keeps-retry-afer|losst"):
            ThresholdsSection.model_validate(told)
