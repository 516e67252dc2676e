"""The phases of a run at one site: which is on, what ends it, what was when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mockehr.control.facade import operations
from mockehr.core.changes import Change
from mockehr.core.clock import Clock
from mockehr.core.errors import MockehrError
from mockehr.core.exchange import Exchange
from mockehr.scenarios.awaiting import Awaited
from mockehr.scenarios.load import Load
from mockehr.scenarios.phases import ConditionSection, PhaseSection
from mockehr.sites.site import Site


@dataclass(slots=True)
class Span:
    """A phase as it was at one site; times are in site seconds, `ended` is None while it lasts.

    It has the journal entries after `first` up to `last`; `why` says what it began and ended by, `trouble` what could
    not be done in it.
    """

    phase: str
    site: str
    began: float
    why: str
    first: int
    ended: float | None = None
    last: int | None = None
    trouble: tuple[str, ...] = ()


class Track:
    """One site's way through the phases."""

    def __init__(
        self,
        site: Site,
        phases: Sequence[PhaseSection],
        *,
        client: str,
        spared: Sequence[str],
        ended: Callable[[str, Site], float | None],
        look: Callable[[], None],
    ) -> None:
        """`ended` answers when a phase was over for a site, `look` lets all sites look at what is due."""
        self.site = site
        self.phases = [phase for phase in phases if phase.at(site.name)]
        self.spans: list[Span] = []
        self.began = site.clock.now()
        """When the run did."""
        self.left_out = False
        """Whether no further phase is to begin."""
        self._client, self._spared, self._ended, self._look = client, spared, ended, look
        self._starts = [self._awaited(phase.start) for phase in self.phases]
        self._end: Awaited | None = None
        self._loads: list[Load] = []
        self._rules: list[str] = []
        self._wakes: set[float] = set()

    @property
    def clock(self) -> Clock:
        """The site's."""
        return self.site.clock

    @property
    def present(self) -> Span | None:
        """The phase that is on."""
        return self.spans[-1] if self.spans and self.spans[-1].ended is None else None

    @property
    def phase(self) -> PhaseSection | None:
        """The same as the file has it."""
        return self.phases[len(self.spans) - 1] if self.present is not None else None

    @property
    def coming(self) -> PhaseSection | None:
        """The phase that is next; None if there is none, or none is to begin any more."""
        return self.phases[len(self.spans)] if len(self.spans) < len(self.phases) and not self.left_out else None

    @property
    def stretch(self) -> str:
        """What the present is called: the phase, `before` the first, `between` two, `after` the last."""
        if self.present is not None:
            return self.present.phase
        if not self.spans:
            return "before"
        return "between" if self.coming is not None else "after"

    def stretch_of(self, number: int) -> str:
        """The stretch into which that journal entry fell."""
        for position, span in enumerate(reversed(self.spans)):
            if span.last is not None and number > span.last:
                return self.stretch if position == 0 else "between"
            if number > span.first:
                return span.phase
        return "before"

    def hear(self, site: str, exchange: Exchange) -> None:
        """Let what is waited for know of an exchange."""
        for one in self._waiting():
            one.hear(site, exchange)

    def hear_of(self, site: str, change: Change) -> None:
        """Let what is waited for know of a change."""
        for one in self._waiting():
            one.hear_of(site, change)

    def _waiting(self) -> list[Awaited]:
        return [*self._starts[len(self.spans) :], *([self._end] if self._end is not None else [])]

    def step(self) -> bool:
        """End or begin one phase if it is time; whether that happened."""
        phase, span = self.phase, self.present
        if phase is not None and span is not None:
            why = self._over(phase, span)
            if why is not None:
                self.end(why)
                return True
        coming = self.coming
        if coming is None:
            return False
        why = self._due(coming, self._starts[len(self.spans)])
        if why is None:
            return False
        if self.present is not None:
            self.end(f"{coming.name} begins")
        self._begin(coming, why)
        return True

    def end(self, why: str) -> None:
        """Let the present phase be over: its rules are disarmed, its load stops."""
        span = self.present
        if span is None:
            return
        span.ended, span.last = self.clock.now(), self.site.journal.last
        span.why = f"{span.why}; {why}"
        self._end = None
        for load in self._loads:
            load.stop()
        for name in self._rules:
            if name in self.site.mischief.rules:
                self.site.disarm(name)
        self._loads, self._rules = [], []
        self.site.mischief.phase = ""

    def _over(self, phase: PhaseSection, span: Span) -> str | None:
        now = self.clock.now()
        if phase.lasts is not None:
            if now >= span.began + phase.lasts:
                return f"after {phase.lasts:g} s"
            self._wake(span.began + phase.lasts)
        if self._end is None:
            return None
        if self._end.told.at is not None:
            self._wake(self.began + self._end.told.at)
        return self._end.why(now=now, began=self.began)

    def _due(self, phase: PhaseSection, awaited: Awaited) -> str | None:
        """Why the next phase is to begin now; None if it is not."""
        now, start, reasons = self.clock.now(), phase.start, []
        after = start.after
        if not after and start.empty:
            if not self.spans:
                return "the run began"
            after = self.spans[-1].phase
        if after:
            over = self._ended(after, self.site)
            if over is None:
                return None
            if now < over + start.wait:
                self._wake(over + start.wait)
                return None
            reasons.append(f"{start.wait:g} s after {after}" if start.wait else f"after {after}")
        awaited.armed = True
        if start.at is not None:
            self._wake(self.began + start.at)
        why = awaited.why(now=now, began=self.began)
        return None if why is None else ", ".join([*reasons, *([why] if why else [])])

    def open(self) -> None:
        """The run begins: conditions that follow no phase are counted from now on."""
        self.began = self.clock.now()
        for phase, awaited in zip(self.phases, self._starts, strict=True):
            awaited.armed = not phase.start.after

    def _begin(self, phase: PhaseSection, why: str) -> None:
        span = Span(phase.name, self.site.name, self.clock.now(), why, self.site.journal.last)
        self.spans.append(span)
        self.site.mischief.phase = phase.name
        if phase.until is not None:
            self._end = self._awaited(phase.until)
            self._end.armed = True
        for rule in phase.rules_at(self.site.name):
            self._rules.append(self.site.arm(rule.plain()))
        self._act(phase, span)
        for told in phase.load:
            if told.site in ("", self.site.name) and self.present is span:
                load = Load(told, self.site, phase.name, self._spared)
                self._loads.append(load)
                load.start()

    def _act(self, phase: PhaseSection, span: Span) -> None:
        """Operations and pathways of a phase; what cannot be done is noted, and the run goes on."""
        for deed in phase.do:
            if deed.site in ("", self.site.name):
                try:
                    operations().get(deed.use).call(self.site, deed.settings)
                except (MockehrError, ValueError) as error:
                    told = error.what if isinstance(error, MockehrError) else str(error)
                    span.trouble += (f"{deed.use}: {told}",)
        for begun in phase.begin:
            for _ in range(begun.times if begun.site in ("", self.site.name) else 0):
                self.site.pathways.start(begun.use)

    def _awaited(self, told: ConditionSection) -> Awaited:
        return Awaited(told, self.site.name, self._client, tuple(self.site.fhir.types))

    def _wake(self, at: float) -> None:
        """Look again at that time."""
        if at > self.clock.now() and at not in self._wakes:
            self._wakes.add(at)
            self.clock.schedule(at, self._look, f"phases of {self.site.name}")
