"""Mutants of what clients park and count. Shared with `test_exceptions_probes.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from test_exceptions_probes import dirty_site, parks, parks_without_a_word, sync

from mockehr.scenarios.probe import Case, Finding
from mockehr.scenarios.probes.shape_exceptions_counted import COUNTED
from mockehr.scenarios.scorecard import judge

Play = Callable[[Any, bool], Iterable[Finding]]


def parking(stand: Any, flawed: bool) -> Iterable[Finding]:
    """Parks what it cannot take in, and says why, or does not."""
    report = sync(dirty_site(), parks_without_a_word if flawed else parks)
    return judge([Case((), "a", "c", report)]).cards[0].findings


def counting(stand: Any, flawed: bool) -> Iterable[Finding]:
    """Counts units that it cannot read, and names, or the names alone."""
    counts = {"encoding": 3} | ({} if flawed else {"unit": 9})
    report = sync(dirty_site(), parks)
    return judge([Case((), "a", "c", report, expected={COUNTED: counts})]).cards[0].findings


MUTANTS: dict[str, tuple[Play, str]] = {
    "exceptions-parked": (parking, ""),
    "shape-exceptions-counted": (counting, ""),
}
