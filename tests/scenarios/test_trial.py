"""A trial: fresh sites for one client, what it is told, and the judgement."""

from __future__ import annotations

import sys
from importlib.resources import as_file
from pathlib import Path

import orjson
import pytest

from mockehr.cli.runs import run_trial
from mockehr.core.data import data_root
from mockehr.core.errors import ConfigError, VerdictFailed
from mockehr.scenarios.schema import Scenario, load_scenario
from mockehr.scenarios.trial import Trial
from mockehr.testing.world import World

TYPES = {"Patient": "", "Condition": ""}


def shipped() -> list[str]:
    return sorted(f.name for f in data_root("scenarios").iterdir() if f.name.endswith(".scenario.yaml"))


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_is_valid_and_its_sites_can_be_built(name: str) -> None:
    with as_file(data_root("scenarios") / name) as path:
        scenario = load_scenario(path)
        trial = Trial(scenario, base=path.parent)
    assert [site.name for site in trial.sites] == [site.name for site in scenario.sites]
    told = trial.environment("http://127.0.0.1:1", Path("out"))
    for site in trial.sites:
        assert told[f"MOCKEHR_{site.name.upper()}_FHIR_URL"].startswith(f"http://127.0.0.1:1/{site.name}/")
        wanted = scenario.roster.size if site.charts is not None else 0  # who stands in front of others has none
        assert len(trial.rosters[site.name]) == wanted


def test_a_misspelt_quirk_is_refused_with_line_and_nearest_name(tmp_path: Path) -> None:
    file = tmp_path / "bad.scenario.yaml"
    file.write_text("title: a\nstory: b\nsites:\n  - name: one\n    quirks:\n      - use: token-expirey\n")
    with pytest.raises(ConfigError) as refused:
        load_scenario(file)
    assert "bad.scenario.yaml:6" in str(refused.value)
    assert "token-expiry" in str(refused.value)


@pytest.mark.slow
def test_flaky_friday_names_the_bugs_of_the_careless_client() -> None:
    with as_file(data_root("scenarios") / "flaky-friday.scenario.yaml") as path:
        scenario = load_scenario(path)
    card, _ = run_trial(Trial(scenario), [sys.executable, "-m", "mockehr.examples.careless"], quiet=True)
    assert set(scenario.verdict.required) == {
        "truth",
        "renews-token-after-401",
        "keeps-retry-after",
        "no-blind-repeat",
    }
    failed = {finding.probe for _, finding in card if finding.verdict == "fail"}
    assert failed >= {"truth", "renews-token-after-401", "keeps-retry-after", "dedupes-pages", "no-blind-repeat"}


def test_what_a_client_lost_doubled_and_altered_is_told(mockehr: World) -> None:
    site = mockehr.site("generic", patients=20)
    roster = site.patient_ids(2)
    charts = site.site.charts
    assert charts is not None
    true = [
        orjson.loads(record.body)
        for index in (0, 1)
        for record in charts.dressed(index).by_key.values()
        if record.resource_type in TYPES
    ]
    site.truth.assert_same(true, patients=roster, types=TYPES)
    with pytest.raises(VerdictFailed, match="lost: 1"):
        site.truth.assert_same(true[1:], patients=roster, types=TYPES)
    with pytest.raises(VerdictFailed, match="duplicated: 1"):
        site.truth.assert_same([*true, true[0]], patients=roster, types=TYPES)
    altered = true[0] | {"birthDate": "1900-01-01"}
    with pytest.raises(VerdictFailed, match="altered: 1"):
        site.truth.assert_same([altered, *true[1:]], patients=roster, types=TYPES)


def test_a_scenario_needs_a_site() -> None:
    with pytest.raises(ValueError, match="sites"):
        Scenario.model_validate({"title": "a", "story": "b", "sites": []})
