"""`mockehr scenario`."""

from __future__ import annotations

import json
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
    assert {"name": "flaky-friday", "title": "Flaky Friday", "sites": ["north", "south"]} in rows
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
