"""The schema that editors check scenarios by, and what the models refuse that it cannot say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mockehr.config.load import load_file
from mockehr.core.errors import ConfigError
from mockehr.scenarios.schema import SCHEMA_FILE, load_scenario, scenario_schema

HEAD = "title: a\nstory: b\nsites: [{name: one, patients: 0}]\n"


def test_the_shipped_schema_is_the_one_that_the_models_give(root: Path) -> None:
    shipped = (root / "scenarios" / SCHEMA_FILE).read_text("utf-8")
    remedy = f"Write it anew: mockehr scenario schema > scenarios/{SCHEMA_FILE}"
    assert shipped == scenario_schema(), remedy


def test_every_shipped_scenario_names_the_schema_first_and_uses_only_its_keys(root: Path) -> None:
    schema = json.loads(scenario_schema())
    files = sorted((root / "scenarios").glob("*.scenario.yaml"))
    assert files
    for file in files:
        assert file.read_text("utf-8").splitlines()[0] == f"# yaml-language-server: $schema={SCHEMA_FILE}", file
        told = load_file(file).value
        assert set(schema["required"]) <= set(told) <= set(schema["properties"]), file


def test_every_shipped_scenario_says_for_which_incident_it_stands(root: Path) -> None:
    for file in sorted((root / "scenarios").glob("*.scenario.yaml")):
        assert load_scenario(file).incident.endswith("."), file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("verdict: {required: [truht]}", "a.yaml:4: verdict.required[0]: there is no probe named 'truht'; near"),
        ("verdict:\n  probes: truth, no-blind-repeet", "a.yaml:5: verdict.probes[1]: there is no probe named"),
        ("verdct: {}", "a.yaml:4: verdct: there is no such setting; nearest: verdict"),
        ("timeout: soon", "a.yaml:4: timeout: "),
        ("truth: {types: [Patient]}", "a.yaml:4: truth.types: should be a mapping"),
    ],
)
def test_a_wrong_name_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(HEAD + text)
    with pytest.raises(ConfigError) as caught:
        load_scenario(file)
    assert said in str(caught.value)


def test_sites_of_a_scenario_have_names_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("title: a\nstory: b\nsites: [{name: one}, {name: one}]\n")
    with pytest.raises(ConfigError, match="taken twice: one"):
        load_scenario(file)
