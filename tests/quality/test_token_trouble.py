"""The shipped scenario about tokens tells the careful example client from the careless one."""

from __future__ import annotations

import sys

import pytest

from mockehr.cli.runs import run_trial
from mockehr.scenarios.schema import load_scenario
from mockehr.scenarios.shipped import find_scenario
from mockehr.scenarios.trial import Trial


@pytest.mark.slow
def test_token_trouble_names_the_bugs_of_the_careless_client() -> None:
    scenario = load_scenario(find_scenario("token-trouble"))
    card, _ = run_trial(Trial(scenario), [sys.executable, "-m", "mockehr.examples.careless"], quiet=True)
    failed = {finding.probe for _, finding in card if finding.verdict == "fail"}
    assert failed >= {"truth", "renews-token-after-401", "never-sends-empty-token", "reads-granted-scope"}


def test_every_trouble_with_tokens_comes_up_in_it_or_needs_a_user() -> None:
    scenario = load_scenario(find_scenario("token-trouble"))
    armed = {rule.use for site in scenario.sites for rule in site.quirks}
    assert armed == {
        "assertion-rules",
        "clock-skew",
        "scope-dialect",
        "scope-subset",
        "silent-reauth-failure",
        "token-endpoint-throttled",
        "token-expiry",
        "token-revoked-early",
    }
