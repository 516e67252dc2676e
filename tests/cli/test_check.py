"""`mockehr check`: what a run leaves behind for people and for other programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mockehr.cli import main

SCENARIO = """
title: {title}
story: b
sites:
  - {{name: north, patients: 2}}
verdict: {{required: [truth, keeps-retry-after]}}
"""


def check(monkeypatch: pytest.MonkeyPatch, folder: Path, titles: list[str], *options: str) -> int:
    files = []
    for title in titles:
        file = folder / f"{title}.scenario.yaml"
        file.write_text(SCENARIO.format(title=title))
        files.append(str(file))
    words = ["mockehr", "check", *files, *options, "--", sys.executable, "-c", "raise SystemExit(3)"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_one_scenario_is_a_scorecard_in_json_with_what_was_required(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert check(monkeypatch, tmp_path, ["One"], "--json") == 1
    told = json.loads(capfd.readouterr().out)
    assert (told["title"], told["passed"], told["unproved"]) == ("One", False, ["keeps-retry-after"])


def test_several_scenarios_are_added_up_in_json_and_all_in_the_reports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    xml, page = tmp_path / "r.xml", tmp_path / "r.html"
    assert check(monkeypatch, tmp_path, ["One", "Two"], "--json", "--junit", str(xml), "--html", str(page)) == 1
    told = json.loads(capfd.readouterr().out)
    assert (told["title"], told["passed"], len(told["scorecards"])) == ("One, Two", False, 2)
    assert told["counts"]["fail"] == sum(one["counts"]["fail"] for one in told["scorecards"]) == 2
    assert 'classname="Two.north.' in xml.read_text()
    assert "<h1>One, Two</h1>" in page.read_text()


def test_the_scorecard_keeps_to_a_narrow_terminal_and_says_how_the_client_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    assert check(monkeypatch, tmp_path, ["One"]) == 1
    out, err = capfd.readouterr()
    assert max(map(len, out.splitlines())) == 70
    assert "the client wrote no north.ndjson to MOCKEHR_OUTPUT" in err
    assert "the client ended with status 3." in err


def test_a_report_that_has_no_folder_is_refused_before_the_client_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert check(monkeypatch, tmp_path, ["One"], "--html", str(tmp_path / "absent" / "r.html")) == 2
    out, err = capfd.readouterr()
    assert "does not exist" in err
    assert not out
