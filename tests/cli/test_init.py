"""`mockehr init`: what it writes is used."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from mockehr.cli import main
from mockehr.cli.init import COMMANDS, starter
from mockehr.cli.main import cli
from mockehr.personalities.load import ehr_names, load_personality
from mockehr.scenarios.schema import load_scenario
from mockehr.scenarios.trial import Trial

PLAYABLE = [name for name in ehr_names() if {"read", "search"} <= load_personality(name).offers("Patient")]


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["init", *words])
    return done.exit_code, done.output + str(done.exception or "")


def test_the_files_are_used_as_they_were_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status, said = run(str(tmp_path / "new"), "--language", "node")
    assert status == 0, said
    monkeypatch.chdir(tmp_path / "new")
    first = Path("first-night.scenario.yaml").read_text().splitlines()[0]
    assert Path(re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)[1]).is_file()  # type: ignore[index]
    steps = YAML(typ="safe").load(Path(".github/workflows/mockehr.yml").read_text())["jobs"]["mockehr"]["steps"]
    command = next(step["run"] for step in steps if "mockehr check" in step.get("run", ""))
    words, client = shlex.split(command), shlex.split(COMMANDS["node"])
    assert words[-len(client) :] == client
    Path("reports").mkdir()
    words[-len(client) :] = [sys.executable, "-m", "mockehr.examples.careful"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0, capfd.readouterr().out
    assert {path.name for path in Path("reports").iterdir()} == {"mockehr.xml", "mockehr.html", "mockehr.sarif"}


def test_nothing_is_written_over_without_force_and_nothing_at_all_then(tmp_path: Path) -> None:
    there = tmp_path / "first-night.scenario.yaml"
    there.write_text("mine")
    status, said = run(str(tmp_path))
    assert status != 0
    assert "--force" in said
    assert [path.name for path in tmp_path.iterdir()] == [there.name]
    assert there.read_text() == "mine"
    assert run(str(tmp_path), "--force", "--ci", "none")[0] == 0
    assert there.read_text() != "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == [there.name, "scenario.schema.json"]


@pytest.mark.parametrize("language", COMMANDS)
def test_every_language_has_its_command_in_every_ci(language: str) -> None:
    github = YAML(typ="safe").load(starter("generic", language, "github")[".github/workflows/mockehr.yml"])
    told: list[Any] = [step.get("run", "") for step in github["jobs"]["mockehr"]["steps"]]
    gitlab = YAML(typ="safe").load(starter("generic", language, "gitlab")["mockehr.gitlab-ci.yml"])
    for command in (told[-2], gitlab["mockehr"]["script"][-1]):
        assert command.startswith("mockehr check first-night.scenario.yaml ")
        assert command.endswith(f" -- {COMMANDS[language]}")
    assert set(starter("generic", language, "none")) == {"first-night.scenario.yaml", "scenario.schema.json"}


@pytest.mark.parametrize("personality", PLAYABLE)
def test_the_scenario_holds_at_every_vendor(personality: str, tmp_path: Path) -> None:
    file = tmp_path / "a.scenario.yaml"
    file.write_text(starter(personality, "other", "none")["first-night.scenario.yaml"])
    trial = Trial(load_scenario(file), base=tmp_path)
    assert trial.sites[0].personality.name == personality
    assert len(trial.rosters["north"]) == 6
    assert "private_key_jwt" in trial.sites[0].auth.settings.auth_methods


def test_a_vendor_that_cannot_play_it_is_refused() -> None:
    for name in ("nexthealth", "epik"):
        status, said = run("--personality", name, "nowhere")
        assert status != 0
        assert name in said
        assert not Path("nowhere").exists()
