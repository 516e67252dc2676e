"""`mockehr pathway`, and the options of `mockehr serve` that let patients come."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mockehr.cli.main import cli
from mockehr.core.errors import UsageError
from mockehr.pathways.schema import pathway_schema
from mockehr.testing.world import World

GOOD = "name: a\ntitle: b\nsteps:\n  - admit: {ward: MED, reason: I10}\n  - delay: 2h\n  - discharge\n"


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["pathway", *words])
    return done.exit_code, done.output


def test_the_list_names_what_is_shipped() -> None:
    status, said = run("list")
    names = [one["name"] for one in json.loads(said)["pathways"]]
    assert (status, names[0], len(names)) == (0, "bed-swap", 20)


def test_the_schema_is_printed_as_it_is() -> None:
    assert run("schema") == (0, pathway_schema())


def test_the_steps_are_told_in_a_line_each() -> None:
    status, said = run("steps")
    assert status == 0
    assert "transfer             To a bed on a ward, the same ward included." in said


def test_a_step_is_told_with_its_settings() -> None:
    status, said = run("steps", "result", "schedule")
    assert status == 0
    assert "final ones are corrected.\n  order: '' (`- result: …` alone means it)\n" in said
    assert "\n  in: required\n" in said
    assert "Every step has person, chance, after, at, event, too." in said
    done = CliRunner().invoke(cli, ["pathway", "steps", "resutl"])
    assert isinstance(done.exception, UsageError)
    assert "nearest: result" in str(done.exception)


def test_a_file_that_holds_says_what_it_does(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(GOOD)
    status, said = run("check", str(file))
    assert (status, said.partition(": ")[2][:44]) == (0, "holds; 3 steps, about 2 changes in 0.1 days,")
    assert "tells ADT^A01, ADT^A03" in said


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (
            ("ward: MED", "ward: MEDD"),
            2,
            "a.yaml:4: steps[0].admit.ward: there is no ward named 'MEDD'; nearest: MED",
        ),
        (("- admit: {ward: MED, reason: I10}", "- delay: 1h"), 2, "there was no visit so far"),
    ],
)
def test_a_file_that_does_not_hold_says_where(
    change: tuple[str, str], status: int, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(GOOD.replace(*change))
    code, told = run("check", str(file))
    assert code == status
    assert said in told


def test_a_running_site_takes_the_file_that_was_checked(mockehr: World, tmp_path: Path) -> None:
    mockehr.site("generic", name="north", stepped=True)
    file = tmp_path / "a.pathway.yaml"
    file.write_text(GOOD)
    assert json.loads(run("add", "north", f"@{file}", "--server", mockehr.url)[1]) == {"pathway": "a", "steps": 3}
    assert json.loads(run("start", "north", "a", "--server", mockehr.url)[1])["run"] == 1


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    code, told = run("check", str(tmp_path / "none.yaml"))
    assert code == 3
    assert "cannot be read" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rate", "5/h"], "no --pathways"),
        (["--pathways", "all", "--workers", "2"], "Pathways run in one process"),
        (["--pathways", "chest-pian"], "nearest: chest-pain"),
        (["--pathways", "all", "--rate", "often"], "write it like 200/h"),
    ],
)
def test_serve_refuses_what_cannot_be(words: list[str], said: str) -> None:
    done = CliRunner().invoke(cli, ["serve", "--port", "0", *words])
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)
