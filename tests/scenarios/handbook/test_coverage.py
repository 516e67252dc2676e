"""The coverage table: no row of the ledger without something that serves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockehr.scenarios.handbook.article import names
from mockehr.scenarios.handbook.coverage import COLUMNS, Row, as_markdown, coverage, ledger, unknown_names
from mockehr.scenarios.probes import probes

KEPT = Path(__file__).resolve().parents[3] / "simulator" / "COVERAGE.md"
MISSING = (
    ("J3", "file"),
    ("J3", "control"),
    ("J3", "probe"),  # recording is a part of its own
)
"""Cells that are known to be empty."""


def test_no_cell_is_empty_but_those_that_are_known() -> None:
    empty = {(row.id, column) for row in coverage() for column in row.empty}
    assert sorted(empty - set(MISSING)) == []
    assert sorted(set(MISSING) - empty) == [], "these are not empty any more: take them out of MISSING"


def test_the_table_is_current() -> None:
    told = as_markdown(coverage())
    assert KEPT.read_text("utf-8") == told, "write it again: mockehr quirk coverage > simulator/COVERAGE.md"


def test_every_row_that_code_names_is_in_the_ledger() -> None:
    known = set(ledger())
    named = {row for cls in names().values() for row in cls.about.ledger}
    named |= {row for _, probe in probes().items() for row in probe.ledger}
    assert sorted(named - known) == []


def test_the_rows_are_complete_from_a_to_g_and_j() -> None:
    sizes = {"A": 13, "B": 10, "C": 9, "D": 13, "E": 11, "F": 9, "G": 11, "J": 8}
    assert list(ledger()) == [f"{part}{number}" for part, size in sizes.items() for number in range(1, size + 1)]


def test_what_serves_a_capability_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unknown_names() == []
    wrong = {"J2": {"title": "x", "control": ["no such"], "python": ["mockehr.nowhere.thing"], "probe": ["none"]}}
    monkeypatch.setattr("mockehr.scenarios.handbook.coverage.ledger", lambda: wrong)
    assert unknown_names() == ["J2 python: mockehr.nowhere.thing", "J2 control: no such", "J2 probe: none"]


def test_a_row_names_quirks_scenarios_operations_and_probes() -> None:
    (row,) = [row for row in coverage() if row.id == "C1"]
    assert "rate-limit" in row.python
    assert "monday-morning" in row.file
    assert row.control == ("quirk arm",)
    assert "keeps-retry-after" in row.probe
    assert row.empty == ()


def test_an_empty_cell_shows_in_the_table() -> None:
    told = as_markdown([Row("X1", "nothing", (), ("a",), (), ("b",))])
    assert "| X1 | nothing | — | `a` | — | `b` |" in told
    assert "Empty cells: X1 (python, control)." in told
    assert COLUMNS == ("python", "file", "control", "probe")
