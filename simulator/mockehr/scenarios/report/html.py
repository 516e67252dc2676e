"""Runs as one self-contained page: no script, nothing fetched, fit for print and for screen readers.

What a page shows of exchanges is bounded (PAGE_ROWS octets); what was left out is said where it would stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment, StrictUndefined, Template

from mockehr.scenarios.probes import probes
from mockehr.scenarios.report.differences import Difference, differences
from mockehr.scenarios.report.rows import Rows, rows
from mockehr.scenarios.report.run import House, Run
from mockehr.scenarios.report.text import IDLE_SHOWN, WORDS, urgent_first
from mockehr.scenarios.report.timeline import LANE, TOP, drawing, lanes, summary
from mockehr.sites.truth import TruthReport

PAGE_ROWS: Final = 7_000_000
"""Octets of a page that rows of exchanges may take, all houses together."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A house as the template wants it."""

    id: str
    house: House
    rows: Rows
    lanes: list[str]
    drawing: str
    summary: str
    truth: TruthReport | None
    differences: list[Difference]


def html(*runs: Run) -> str:
    """The page, with all runs on it. All text from outside is escaped; secrets are as redacted as in the journal."""
    registry = probes()
    asked = {finding.probe for one in runs for _, finding in one.scorecard}
    told = {
        "runs": runs,
        "passed": all(one.passed for one in runs),
        "words": WORDS,
        "questions": {name: probe for name, probe in registry.items() if name in asked},
        "urgent_first": urgent_first,
        "few": IDLE_SHOWN,
        "shown": [list(_shown(number, run, runs)) for number, run in enumerate(runs, 1)],
        "lane": LANE,
        "top": TOP,
    }
    return _template().render(**told).encode("utf-8", "replace").decode()


def _shown(number: int, run: Run, runs: tuple[Run, ...]) -> Iterator[_Shown]:
    room = PAGE_ROWS // max(1, sum(len(one.houses) for one in runs))
    for place, house in enumerate(run.houses, 1):
        id = f"r{number}-h{place}"
        cards = [card for card in run.scorecard.cards if card.site == house.site]
        named = {item.entry for card in cards for finding in card.findings for item in finding.evidence if item.entry}
        found = differences(house.truth) if house.truth is not None else []
        told = rows(house, id, named, room)
        drawn = drawing(house, f"{id}-summary") if house.rows else ""
        yield _Shown(id, house, told, lanes(house), drawn, summary(house), house.truth, found)


@cache
def _template() -> Template:
    source = files("mockehr.scenarios.report").joinpath("scorecard.html.j2").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source)
