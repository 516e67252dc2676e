"""The shipped scenario about exports tells the careful example client from the careless one."""

from __future__ import annotations

import sys

import pytest

from mockehr.cli.runs import run_trial
from mockehr.scenarios.schema import load_scenario
from mockehr.scenarios.scorecard import Scorecard
from mockehr.scenarios.shipped import find_scenario
from mockehr.scenarios.trial import Trial


def played(client: str) -> tuple[Trial, Scorecard]:
    """The trial after its run, and what its probes say."""
    trial = Trial(load_scenario(find_scenario("bulk-night")))
    card, status = run_trial(trial, [sys.executable, "-m", f"mockehr.examples.{client}"], quiet=True)
    assert status == 0
    return trial, card


@pytest.mark.slow
def test_bulk_night_lets_the_careful_client_pass() -> None:
    trial, card = played("careful_export")
    card.assert_passed()
    idle = [rule.name for site in trial.sites for rule in site.rules if not rule.fired]
    assert idle == ["bulk-poll-throttled"]  # who waits is not refused


@pytest.mark.slow
def test_bulk_night_finds_the_careless_client_out() -> None:
    trial, card = played("careless_export")
    failed = {finding.probe for _, finding in card if finding.verdict == "fail"}
    assert failed >= set(trial.scenario.verdict.required) - {"bulk-waits-for-end"}
