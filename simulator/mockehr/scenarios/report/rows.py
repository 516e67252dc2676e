"""The exchanges of a house as rows of a table, within a bound: what is left out is said."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from html import escape
from typing import Final

from mockehr.scenarios.report.run import House, Row, Step

LONGEST: Final = 160
"""Characters of an address or a reason that are shown."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as HTML, in order of their entries, and how many there were room for."""

    html: str
    entries: frozenset[int]
    """Which exchanges have a row."""
    left_out: int
    brief: bool
    """Whether what rules skipped was left out for want of room."""


def rows(house: House, prefix: str, named: Collection[int], octets: int) -> Rows:
    """The table's body, at most `octets` long; entries that are `named` as evidence, disturbed or refused come first.

    A row's id is `{prefix}-{entry}`; those worth a look have the class `n`.
    """
    full = [_row(row, prefix, row.entry in named, brief=False) for row in house.rows]
    brief = sum(map(len, full)) > octets
    written = [_row(row, prefix, row.entry in named, brief=True) for row in house.rows] if brief else full
    chosen: set[int] = set()
    room = octets
    for position in _urgent_first(house, named):
        length = len(written[position])
        if length <= room:
            room -= length
            chosen.add(position)
    text = "\n".join(written[position] for position in sorted(chosen))
    shown = frozenset(house.rows[position].entry for position in chosen)
    return Rows(text, shown, len(written) - len(chosen) + house.forgotten, brief)


def worth_a_look(row: Row, named: Collection[int]) -> bool:
    """Whether something went wrong in an exchange, on purpose or not, or a probe names it."""
    return row.disturbed or row.refused or row.entry in named


def cut(text: str, longest: int = LONGEST) -> str:
    """The text, shortened to so many characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _urgent_first(house: House, named: Collection[int]) -> Iterator[int]:
    every = range(len(house.rows))
    yield from (position for position in every if house.rows[position].entry in named)
    rest = [position for position in every if house.rows[position].entry not in named]
    yield from (position for position in rest if worth_a_look(house.rows[position], named))
    yield from (position for position in rest if not worth_a_look(house.rows[position], named))


def _row(row: Row, prefix: str, named: bool, *, brief: bool) -> str:
    marked = ' class="n"' if named or worth_a_look(row, ()) else ""
    at = "" if row.at is None else f"{row.at:.3f}"
    way = "in" if row.direction == "in" else "out"
    cells = [f"{row.channel}, {way}", cut(row.asked), _answer(row)]
    written = "".join(f"<td>{escape(cell)}" for cell in [at, *cells])
    steps = [step for step in row.steps if step.outcome != "skipped" or not brief]
    return f'<tr id="{prefix}-{row.entry}"{marked}><th scope="row">{row.entry}{written}<td>{_steps(steps)}'


def _answer(row: Row) -> str:
    status = str(row.status) if row.status else "no answer"
    return f"{status}: {cut(row.problem)}" if row.problem else status


def _steps(steps: list[Step]) -> str:
    told = []
    for step in steps:
        name = step.rule if step.rule.startswith(step.quirk) else f"{step.rule} ({step.quirk})"
        why = f": {cut(step.why)}" if step.why else ""
        text = escape(f"{step.outcome} {name}{why}")
        told.append(f"<b>{text}</b>" if step.outcome == "fired" else text)
    return "<br>".join(told)
