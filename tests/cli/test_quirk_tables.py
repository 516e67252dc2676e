"""Quirks on the command line: tables, trials, pages."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner

from mockehr.cli.main import cli


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["quirk", *arguments])


def test_the_list_is_a_table() -> None:
    lines = run("list").output.splitlines()
    assert lines[0].split() == ["quirk", "family", "ledger", "what", "the", "client", "sees"]
    (row,) = [line for line in lines if line.startswith("lost-response ")]
    assert row.split()[1:3] == ["write", "C6"]
    assert len({line.index(line.split()[1]) for line in lines if len(line.split()[0]) < 10}) == 1


def test_one_quirk_is_shown_with_all_that_one_has_to_know() -> None:
    told = run("show", "token-expiry").output
    for part in ("Seen: ", "Coping: ", "uses: whole number, 0 unless told", "probes: ", "mockehr quirk arm SITE"):
        assert part in told


def test_a_trial_shows_both_sides() -> None:
    told = run("try", "rate-limit", "--with", "budget=1,retry_after=huge").output
    assert told.startswith("rate-limit (budget=1, retry_after=huge) at generic: ")
    assert "\n-  200\n" in told
    assert "\n+  429\n+  Retry-After: 86400\n" in told
    assert json.loads(run("try", "rate-limit", "--json").output)["fired"] == 1


def test_a_trial_without_an_occasion_says_so() -> None:
    assert "It found nothing to do" in run("try", "ignored-parameter", "--with", '{"names": ["zzz"]}').output


def test_pages_and_the_table_of_coverage_are_printed_as_they_are() -> None:
    assert run("page", "latency").output.startswith("### latency\n")
    assert run("coverage").output.startswith("# Coverage of the ledger\n")
