"""The demo's clients at a hospital of every vendor: the careful one copes with each, the careless one with none."""

from __future__ import annotations

import sys

import pytest

from mockehr.cli.demo import at_hospitals_of
from mockehr.cli.runs import run_trial
from mockehr.core.errors import UnknownName, UsageError
from mockehr.personalities.load import ehr_names, load_personality
from mockehr.scenarios.schema import Scenario, load_scenario
from mockehr.scenarios.scorecard import Scorecard
from mockehr.scenarios.shipped import find_scenario
from mockehr.scenarios.trial import Trial

FEW = ("hl7_facade",)
WITH_CHARTS = tuple(
    name for name in ehr_names() if name not in FEW and "search" in load_personality(name).offers("Patient")
)


def everywhere(*personalities: str) -> Scenario:
    """Flaky Friday at all of them, for two patients each; nobody has to wait for a rate limit."""
    scenario = at_hospitals_of(load_scenario(find_scenario("flaky-friday")), personalities)
    sites = [
        site.model_copy(update={"patients": 60, "quirks": [one for one in site.quirks if one.use != "rate-limit"]})
        for site in scenario.sites
    ]
    roster = scenario.roster.model_copy(update={"size": 2})
    required = ["renews-token-after-401", "truth"]
    verdict = scenario.verdict.model_copy(update={"required": required, "probes": required})
    return scenario.model_copy(update={"sites": sites, "roster": roster, "verdict": verdict})


def played(client: str, *personalities: str) -> Scorecard:
    card, status = run_trial(
        Trial(everywhere(*personalities)), [sys.executable, "-m", f"mockehr.examples.{client}"], quiet=True, mute=True
    )
    assert status == 0
    return card


@pytest.mark.slow
def test_the_careful_client_copes_with_every_vendor() -> None:
    card = played("careful", *WITH_CHARTS)
    assert {site.site for site, _ in card} == {name.replace("_", "-") for name in WITH_CHARTS}
    card.assert_passed()


@pytest.mark.slow
def test_the_careless_client_loses_records_at_every_vendor() -> None:
    failed = {site.site for site, finding in played("careless", *WITH_CHARTS) if finding.verdict == "fail"}
    assert failed == {name.replace("_", "-") for name in WITH_CHARTS}


@pytest.mark.slow
def test_a_facade_of_few_types_is_judged_by_those() -> None:
    assert set(everywhere("hl7_facade").truth.types) == {
        "Patient",
        "Encounter",
        "Condition",
        "Observation",
        "AllergyIntolerance",
    }
    played("careful", "hl7_facade").assert_passed()


def test_a_vendor_that_there_is_none_of_and_one_without_patients_are_refused() -> None:
    with pytest.raises(UnknownName, match="athena"):
        everywhere("athna")
    with pytest.raises(UsageError, match="no patients of its own"):
        everywhere("mirth")
