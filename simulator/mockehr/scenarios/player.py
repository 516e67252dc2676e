"""The phases of a run at all of its sites: played as time passes and things happen, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from mockehr.core.changes import Change
from mockehr.core.exchange import Exchange
from mockehr.scenarios.phases import PhaseSection
from mockehr.scenarios.probe import Evidence, Finding
from mockehr.scenarios.steady import LOAD, Gauge, finding_of
from mockehr.scenarios.track import Span, Track
from mockehr.sites.site import Site

if TYPE_CHECKING:
    from mockehr.scenarios.schema import Scenario

PLAYED: Final = "phases-played"
"""Under which name the scorecard tells of phases that never began."""
NOTE: Final = "phase"
"""The note of an exchange: the phase into which it fell, or `before`, `between`, `after`."""


class Player:
    """Plays a scenario's phases. Nothing happens before `begin`.

    It hears of every exchange and change, and asks the sites' clocks to be woken; so it works on stepped clocks as on
    those that run, and does nothing by itself.
    """

    def __init__(self, scenario: Scenario, sites: Sequence[Site], rosters: Mapping[str, Sequence[str]]) -> None:
        client = scenario.client.client_id
        self._tracks = [
            Track(
                site,
                scenario.phases,
                client=client,
                spared=rosters.get(site.name, ()),
                ended=self._ended,
                look=self._look,
            )
            for site in sites
        ]
        self._gauges = {
            site.name: [Gauge(told, site.name, client) for told in scenario.steady if _of(told.of.site, site)]
            for site in sites
        }
        self._broken: dict[str, list[Evidence]] = {site.name: [] for site in sites}
        self._noticed: dict[tuple[str, str], float] = {}
        self._wanted = bool(scenario.phases or scenario.steady)
        self._begun = self._looking = self._again = False

    def begin(self) -> None:
        """The run begins now; called a second time nothing happens."""
        if self._begun or not self._wanted:
            return
        self._begun = True
        for track in self._tracks:
            track.open()
            track.site.journal.listen(partial(self._hear, track))
            track.site.log.listen(partial(self._hear_of, track))
        self._look()

    def timeline(self) -> list[Span]:
        """Every phase that began, in order of the sites and then of time."""
        return [replace(span) for track in self._tracks for span in track.spans]

    def stretch_of(self, site: str, entry: int) -> str:
        """The phase into which a journal entry of a site fell, or `before`, `between`, `after`."""
        return next(track.stretch_of(entry) for track in self._tracks if track.site.name == site)

    def findings(self, site: str) -> list[Finding]:
        """What the scorecard has to say of the steady state and the phases of a site."""
        if not self._wanted:
            return []
        track = next(track for track in self._tracks if track.site.name == site)
        gauges = self._gauges[site]
        found = [finding_of(gauges, _stretches(track, gauges), self._broken[site])] if gauges else []
        return [*found, *_unplayed(track)]

    # what happens

    def _hear(self, track: Track, exchange: Exchange) -> None:
        stretch = track.stretch_of(exchange.number)
        exchange.notes[NOTE] = stretch
        for gauge in self._gauges[track.site.name]:
            gauge.hear(stretch, exchange)
        for one in self._tracks:
            one.hear(track.site.name, exchange)
        if track.present is not None and stretch == track.present.phase:
            self._watch(track, stretch)
        self._look()

    def _hear_of(self, track: Track, change: Change) -> None:
        for one in self._tracks:
            one.hear_of(track.site.name, change)
        if not change.entry:  # else the exchange that made it is under way: phases change between exchanges
            self._look()

    def _watch(self, track: Track, stretch: str) -> None:
        """Break the present phase off if it is to be rolled back and a steady condition broke in it."""
        phase = track.phase
        if phase is None or not phase.rollback:
            return
        for gauge in self._gauges[track.site.name]:
            if stretch not in gauge.readings or not _rolls_back(phase, gauge.told.called):
                continue
            broken = gauge.broken_now(stretch)
            if broken is not None:
                self._broken[track.site.name].append(Evidence(broken.entry, f"rolled back: {broken.text}"))
                for one in self._tracks:
                    one.left_out = True
                    one.end(f"rolled back at {track.site.name}: {broken.text}")
                return

    def _look(self) -> None:
        """Let every site end and begin what is due, until nothing more is; what happens meanwhile counts, too."""
        if self._looking:
            self._again = True
            return
        self._looking = True
        try:
            moved = True
            while moved:
                self._again = False
                moved = sum(track.step() for track in self._tracks) > 0 or self._again
        finally:
            self._looking = False

    def _ended(self, phase: str, site: Site) -> float | None:
        """When a phase was over at a site; where it is not played there: since when it is over at all others."""
        spans = [span for track in self._tracks for span in track.spans if span.phase == phase]
        own = [span for span in spans if span.site == site.name]
        if own:
            return own[0].ended
        played = [track for track in self._tracks if any(one.name == phase for one in track.phases)]
        if any(track.site is site for track in played) or len(spans) < len(played):
            return None
        if any(span.ended is None for span in spans):
            return None
        return self._noticed.setdefault((phase, site.name), site.clock.now())


def is_load(exchange: Exchange) -> bool:
    """Whether an exchange is background traffic, which is not the client's."""
    return LOAD in exchange.notes


def _of(wanted: str, site: Site) -> bool:
    return wanted in ("", site.name)


def _rolls_back(phase: PhaseSection, condition: str) -> bool:
    return phase.rollback is True or (phase.rollback is not False and condition in phase.rollback.when)


def _stretches(track: Track, gauges: Sequence[Gauge]) -> list[str]:
    """What there was at a site, in order of time, as far as that can be said of what comes back."""
    measured = {stretch for gauge in gauges for stretch in gauge.readings}
    names = dict.fromkeys(span.phase for span in track.spans)
    first = track.spans[0].began if track.spans else None
    before = ["before"] if "before" in measured or first is None or first > track.began else []
    between = ["between"] if "between" in measured else []
    after = ["after"] if track.stretch == "after" else []
    return [*before, *names, *between, *after]


def _unplayed(track: Track) -> Iterator[Finding]:
    """A finding for a site at which not every phase was played as it is told."""
    began = {span.phase for span in track.spans}
    missing = [Evidence(0, f"{phase.name} never began") for phase in track.phases if phase.name not in began]
    trouble = [Evidence(0, f"{span.phase}: {told}") for span in track.spans for told in span.trouble]
    if missing or trouble:
        summary = f"{len(began)} of {len(track.phases)} phases were played" + (
            f", {len(trouble)} operations could not be done." if trouble else "."
        )
        yield Finding(PLAYED, "not-applicable", summary, (*missing, *trouble))
