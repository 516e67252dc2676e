"""The shipped stories that are told in phases: careful example clients pass them, careless ones do not."""

from __future__ import annotations

import sys
from functools import cache

import pytest

from mockehr.cli.runs import run_trial
from mockehr.scenarios.schema import load_scenario
from mockehr.scenarios.scorecard import Scorecard
from mockehr.scenarios.shipped import find_scenario
from mockehr.scenarios.trial import Trial

STORIES = {
    "six-hour-export": ("export", {"renews-token-after-401", "truth"}),
    "monday-morning": ("", {"keeps-retry-after"}),
    "upgrade-weekend": ("", {"keeps-retry-after", "truth"}),
    "duplicate-order": ("", {"no-blind-repeat", "steady-state"}),
    "webhook-outage": ("receiver", {"gap-detected"}),
    "regional-failover": ("", {"keeps-retry-after", "truth"}),
}
"""By story: which kind of example client is told it, and what the careless one fails."""


@cache
def played(name: str, manner: str) -> tuple[Trial, Scorecard]:
    """The trial after its run, and what its probes say."""
    path = find_scenario(name)
    trial = Trial(load_scenario(path), base=path.parent)
    client = "_".join(part for part in (manner, STORIES[name][0]) if part)
    card, status = run_trial(trial, [sys.executable, "-m", f"mockehr.examples.{client}"], quiet=True)
    assert status == 0
    return trial, card


@pytest.mark.slow
@pytest.mark.parametrize("name", ["six-hour-export", "duplicate-order"])  # all: mockehr check all
def test_the_careful_client_passes_in_every_phase(name: str) -> None:
    trial, card = played(name, "careful")
    card.assert_passed()
    assert [span.phase for span in trial.timeline()] == [phase.name for phase in trial.scenario.phases]
    assert all(span.ended is not None for span in trial.timeline()[:-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", STORIES)
def test_the_careless_client_is_found_out(name: str) -> None:
    _, card = played(name, "careless")
    failed = {finding.probe for _, finding in card if finding.verdict == "fail"}
    assert failed >= STORIES[name][1]
    assert not card.passed
