"""Quirks as Markdown."""

from __future__ import annotations

from pathlib import Path

from mockehr.control.facade import Control
from mockehr.scenarios.handbook.article import names
from mockehr.scenarios.handbook.page import book, page
from mockehr.sites.directory import Directory

KEPT = Path(__file__).resolve().parents[3] / "simulator" / "QUIRKS.md"


def test_the_book_is_current() -> None:
    assert KEPT.read_text("utf-8") == book(), "write it again: mockehr quirk page all > simulator/QUIRKS.md"


def test_every_quirk_has_one_section() -> None:
    headings = [line[4:] for line in book().splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(names())


def test_a_page_says_all_that_one_has_to_know() -> None:
    told = page("rate-limit")
    for part in ("### rate-limit", "Ledger C1", "**Seen.**", "**Coping.**", "| `budget` | whole", "**Probes.**"):
        assert part in told
    assert "mockehr quirk arm SITE rate-limit --with budget=1" in told
    assert 'site.quirk("rate-limit", budget=1)' in told


def test_the_operation_answers_one_page_or_all() -> None:
    control = Control(Directory())
    assert control.call("quirk page", name="latency")["lines"] == page("latency")
    assert control.call("quirk page", name="all")["lines"] == book()
