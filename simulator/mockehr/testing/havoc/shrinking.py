"""The smallest schedule that still breaks a client in the same way.

Hypothesis would shrink its own choices and draw hundreds of schedules for it. A schedule has parts that can be left
out, so that some dozens of runs do; what comes out is such that no rule can be left out any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from mockehr.testing.havoc.saving import Planned

Breaks = Callable[[tuple[Planned, ...]], bool]
ONCE: Final = (("first", 1), ("at_most", 1))
"""The simplest conditions that end, in the order in which they are tried."""
CODES: Final = 100
"""Whole numbers from there on are codes, such as a status, and stay as they are."""
SMALLEST: Final = 0.1
"""Below that no number with a fraction is halved."""


def shrunk(planned: tuple[Planned, ...], breaks: Breaks) -> tuple[Planned, ...]:
    """`planned` with as few rules as possible, in their order, each as plain as possible.

    Only schedules of which `breaks` says that they break the client are taken over.
    """
    before: tuple[Planned, ...] = ()
    planned = _fewest(planned, breaks)
    while planned != before:
        before = planned
        for position in range(len(planned)):
            planned = _plainest(planned, position, breaks)
        planned = _fewest(planned, breaks)
    return planned


def _fewest(planned: tuple[Planned, ...], breaks: Breaks) -> tuple[Planned, ...]:
    """Leave out halves, then single rules, until none can be left out."""
    size = max(1, len(planned) // 2)
    while planned:
        for start in range(0, len(planned), size):
            fewer = planned[:start] + planned[start + size :]
            if breaks(fewer):
                planned = fewer
                break
        else:
            if size == 1:
                return planned
            size //= 2
        size = max(1, min(size, len(planned) // 2))
    return planned


def _plainest(planned: tuple[Planned, ...], position: int, breaks: Breaks) -> tuple[Planned, ...]:
    """Take over each plainer form of one rule that still breaks the client, as long as there is one."""
    changed = True
    while changed:
        changed = False
        site, rule = planned[position]
        for plainer in _plainer(dict(rule)):
            other = (*planned[:position], (site, plainer), *planned[position + 1 :])
            if breaks(other):
                planned, changed = other, True
                break
    return planned


def _plainer(rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Forms of a rule with less in it: without a place, once only, without single settings, with smaller numbers."""
    if rule.get("where"):
        yield {key: value for key, value in rule.items() if key != "where"}
    when = rule.get("when") or {}
    for name, value in ONCE:
        if when and when not in [{one: count} for one, count in ONCE[: ONCE.index((name, value)) + 1]]:
            yield {**rule, "when": {name: value}}
    settings = rule.get("with") or {}
    for name in settings:
        rest = {key: value for key, value in settings.items() if key != name}
        yield {**rule, "with": rest} if rest else {key: value for key, value in rule.items() if key != "with"}
    for place, values in (("when", when), ("with", settings)):
        for name, value in values.items():
            if isinstance(value, int) and not isinstance(value, bool) and 1 < value < CODES:
                yield {**rule, place: {**values, name: value // 2}}
            elif isinstance(value, float) and value >= 2 * SMALLEST:
                yield {**rule, place: {**values, name: value / 2}}
