"""One run of a scenario as reports tell of it: the scorecard, what crossed the border, the truth, how it ended.

A Run can be sent to another process. What depends on the machine's clock is in one place, `real`, so that it can be
left out (`reproducible`): the reports of two equal runs are then equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.journal.entry import entry
from mockehr.scenarios.player import NOTE
from mockehr.scenarios.scorecard import Scorecard
from mockehr.scenarios.track import Span
from mockehr.scenarios.trial import Trial
from mockehr.sites.site import Site
from mockehr.sites.truth import TruthReport

OVERDUE: Final = 124
"""Exit status of a client that did not finish in time, as `timeout` of GNU coreutils has it."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule did to an exchange, in the words of the journal."""

    rule: str
    quirk: str
    outcome: str
    why: str


@dataclass(frozen=True, slots=True)
class Row:
    """One exchange, redacted as the journal has it. `at` is in seconds since the house's first; None if left out."""

    entry: int
    at: float | None
    channel: str
    direction: str
    asked: str
    """Method, path and query, or the type of the message."""
    status: int
    """What was answered; 0 if nothing was."""
    problem: str
    steps: tuple[Step, ...] = ()
    phase: str = ""

    @property
    def disturbed(self) -> bool:
        """Whether a rule did something to it."""
        return any(step.outcome == "fired" for step in self.steps)

    @property
    def refused(self) -> bool:
        """Whether it ended in an error, or in no answer."""
        return bool(self.problem) or self.status >= 400 or self.status == 0


@dataclass(frozen=True, slots=True)
class House:
    """One site during a run. `forgotten` are exchanges that its journal had let go of."""

    site: str
    personality: str
    stepped: bool
    rows: tuple[Row, ...] = ()
    forgotten: int = 0
    spans: tuple[Span, ...] = ()
    """Its phases; times in seconds since the first exchange."""
    truth: TruthReport | None = None


@dataclass(frozen=True, slots=True)
class Real:
    """What is real time of a run."""

    seconds: float
    """How long it took."""


@dataclass(frozen=True, slots=True)
class Run:
    """A scenario's run. `name` names the scenario, `file` is where it was read from, as reports are to name it."""

    scorecard: Scorecard
    name: str = ""
    file: str = ""
    status: int = 0
    """How the client ended: its exit status, negative for a signal, OVERDUE if it was ended."""
    houses: tuple[House, ...] = ()
    real: Real | None = None

    @property
    def overdue(self) -> bool:
        """Whether the client ran out of time."""
        return self.status == OVERDUE

    @property
    def passed(self) -> bool:
        """Whether the client passed, in time."""
        return self.scorecard.passed and not self.overdue

    def reproducible(self) -> Run:
        """The run without real time: how long it took, and times of sites whose clocks follow the machine's."""
        return replace(self, real=None, houses=tuple(_timeless(house) for house in self.houses))


def run_of(
    trial: Trial, scorecard: Scorecard, status: int = 0, *, name: str = "", file: str = "", exchanges: bool = True
) -> Run:
    """What reports tell of a trial that was judged; without its `exchanges` where no report shows them."""
    spans = trial.timeline()
    houses = (
        _house(site, [span for span in spans if span.site == site.name], trial.truths.get(site.name))
        for site in trial.sites
    )
    return Run(scorecard, name or trial.title, file, status, tuple(houses) if exchanges else ())


def _house(site: Site, spans: list[Span], truth: TruthReport | None) -> House:
    kept = list(site.journal)
    start = min([exchange.at for exchange in kept[:1]] + [span.began for span in spans], default=0.0)
    moved = tuple(
        replace(one, began=one.began - start, ended=None if one.ended is None else one.ended - start) for one in spans
    )
    forgotten = kept[0].number - 1 if kept else 0
    rows = tuple(rows_of(kept, start))
    return House(site.name, site.personality.name, site.clock.frozen, rows, forgotten, moved, truth)


def rows_of(exchanges: Iterable[Exchange], start: float) -> Iterable[Row]:
    """Exchanges as rows, from their journal entries; nothing that those do not show."""
    for exchange in exchanges:
        shown = entry(exchange)
        question = f"?{shown['query']}" if shown["query"] else ""
        interaction = shown.get("interaction", {}).get("name", "")
        asked = f"{shown['method']} {shown['path']}{question}"
        if exchange.channel.startswith("mllp"):
            asked = interaction or "message"
        steps = tuple(Step(one["rule"], one["quirk"], one["outcome"], one["why"]) for one in shown["decisions"])
        yield Row(
            exchange.number,
            exchange.at - start,
            exchange.channel,
            exchange.direction,
            asked,
            _status(exchange),
            shown.get("problem", {}).get("text", ""),
            steps,
            str(exchange.notes.get(NOTE, "")),
        )


def _status(exchange: Exchange) -> int:
    """The status that the peer saw; 0 where the answer was lost or there was none."""
    effects = exchange.effects
    if effects is not None and (effects.lost or effects.reset == "before" or effects.hang):
        return 0
    return exchange.reply.status if exchange.reply is not None else 0


def _timeless(house: House) -> House:
    if house.stepped:
        return house
    rows = tuple(replace(row, at=None) for row in house.rows)
    return replace(house, rows=rows, spans=())
