"""`mockehr scenario`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from mockehr.cli.main import cli
from mockehr.scenarios.schema import scenario_schema

GOOD = "title: a\nstory: b\nsites:\n  - {name: one, patients: 2, quirks: [{use: latency}], import: [p.json]}\n"


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["scenario", *words])
    return done.exit_code, done.output


def test_the_list_names_what_is_shipped() -> None:
    status, said = run("list", "--json")
    rows = json.loads(said)["scenarios"]
    assert status == 0
    friday = next(row for row in rows if row["name"] == "flaky-friday")
    assert (friday["title"], friday["sites"]) == ("Flaky Friday", ["north", "south"])
    export = next(row for row in rows if row["name"] == "six-hour-export")
    assert export["phases"] == ["first-hour", "token-dies", "dawn"]
    assert export["incident"]
    assert export["incident"][:60] in run("list")[1]
    assert "flaky-friday" in run("list")[1]


def test_the_schema_is_printed_as_it_is() -> None:
    assert run("schema") == (0, scenario_schema())


def test_a_file_that_holds_is_built_with_what_lies_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "a.scenario.yaml"
    file.write_text(GOOD)
    (tmp_path / "p.json").write_text('{"resourceType": "Patient", "id": "p"}')
    assert run("check", str(file), "flaky-friday") == (
        0,
        f"{file}: holds; 1 site, 1 rule\nflaky-friday: holds; 2 sites, 10 rules\n",
    )


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (("latency", "latencie"), 2, "a.scenario.yaml:4: sites[0].quirks[0].use: there is no quirk named 'latencie'"),
        (("patients: 2", "webhooks: [{url: 'http://h.example.org', topics: patint.created}]"), 2, "patient.created"),
        (("p.json", "q.json"), 3, "q.json"),
        (("import: [p.json]", "clients: [{client_id: sync}]"), 2, "the one under test"),
        (("story: b", "story: b\ntruth: {types: {Patint: ''}}"), 2, "nearest: Patient"),
    ],
)
def test_every_file_is_checked_and_what_is_wrong_is_told(
    tmp_path: Path, change: tuple[str, str], status: int, said: str
) -> None:
    file = tmp_path / "a.scenario.yaml"
    file.write_text(GOOD.replace(*change))
    (tmp_path / "p.json").write_text('{"resourceType": "Patient", "id": "p"}')
    ended, output = run("check", str(file), "flaky-friday")
    assert ended == status
    assert said in output
    assert "flaky-friday: holds" in output


PHASED = """\
title: A night
incident: Something went wrong at night.
parameters: {wait: 5s, people: 2}
sites: [{name: north, patients: "${people}", quirks: [{use: reset, when: {phase: storm}}]}]
steady: [{measure: error-rate, at_most: 0.1, during: storm}]
phases:
  - name: storm
    story: It rains.
    start: {at: "${wait}", count: {resource: Patient, status: 200, n: 2}}
    for: 1h
    until: {probe: truth, verdict: pass}
    rules: {north: [{use: latency, name: slow}]}
    do: [{use: clock advance, with: {by: 1h}}]
    load: [{what: search, readers: 2}]
    rollback: true
  - {name: calm, sites: north, start: {after: storm, wait: 2s}}
"""
SHOWN = """\
A night
incident: Something went wrong at night.

--set wait=7s
--set people=2
site north (generic, 2 patients): reset
phase storm: from 7 s and 2 exchanges (Patient 200) for 3600 s, or until truth says pass
    It rains.
    arms at north: slow (latency)
    does: clock advance by=1h
    load: 2 × search every 1 s as load
    broken off when any steady condition breaks
phase calm at north: from 2 s after storm on
steady: error-rate at most 0.1, storm
"""


def phased(folder: Path) -> Path:
    file = folder / "night.scenario.yaml"
    file.write_text(PHASED)
    return file


def test_the_plan_is_shown_with_every_reason(tmp_path: Path) -> None:
    file = str(phased(tmp_path))
    assert run("show", file, "--set", "wait=7s") == (0, SHOWN)
    told = json.loads(run("show", file, "--json")[1])
    assert [phase["name"] for phase in told["phases"]] == ["storm", "calm"]
    assert run("check", file, "--set", "people=3") == (0, f"{file}: holds; 1 site, 2 rules, 2 phases\n")


@pytest.mark.parametrize(
    ("words", "said"), [(("--set", "wiat=3s"), "nearest: wait"), (("--set", "wait"), "--set patients=50")]
)
def test_a_parameter_that_there_is_not_is_told(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(cli, ["scenario", "show", str(phased(tmp_path)), *words])
    assert said in str(done.exception)


def test_a_run_by_hand_serves_until_it_is_interrupted_and_prints_phases_and_the_scorecard(tmp_path: Path) -> None:
    file = tmp_path / "a.scenario.yaml"
    file.write_text(
        "title: By hand\nsites: [{name: north, patients: 2, open_access: true}]\n"
        "steady: [{measure: failures, at_most: 0}]\n"
        "phases: [{name: one, until: {count: {n: 1}}}, {name: two}]\nverdict: {probes: truth}\n"
    )
    command = [sys.executable, "-c", "from mockehr.cli.main import main; main()", "scenario", "run", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.startswith("export MOCKEHR_NORTH_FHIR_URL="):
                address = line.strip().partition("=")[2]
            if "one begins (the run began)" in line:
                with urllib.request.urlopen(f"{address}/Patient") as answer:
                    assert answer.status == 200
            if "two begins (after one)" in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stdout.read()
    assert any("one is over (1 exchanges)" in line for line in lines)
    assert "steady-state" in rest
    assert process.returncode == 1  # the client gave no records back
