"""Hypothesis draws schedules of misbehaviour, a client meets each of them in memory, and what breaks it is shrunk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import orjson
from hypothesis import HealthCheck, Phase, Verbosity, given
from hypothesis import seed as seeded
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mockehr.config.settings import SiteConfig
from mockehr.core.errors import UsageError
from mockehr.scenarios.schema import ClientSection, RosterSection, Scenario, TruthSection, load_scenario
from mockehr.scenarios.shipped import find_scenario
from mockehr.scenarios.trial import Trial
from mockehr.testing.havoc.outcome import Break, ClientUnderTest, Judge, Outcome, play
from mockehr.testing.havoc.report import ChaosReport, ClientBroke
from mockehr.testing.havoc.run import ChaosRun
from mockehr.testing.havoc.saving import SUFFIX, Planned, save, stepped, with_rules
from mockehr.testing.havoc.shrinking import shrunk
from mockehr.testing.strategies.schedules import rules
from mockehr.testing.strategies.settings import Choices

HTTP_CHANNELS: Final = ("fhir", "token", "oauth", "discovery", "files", "feed", "proprietary")
"""Where a client with nothing but HTTP meets misbehaviour."""
SEED: Final = 7


class _Broke(Exception):
    """Tells Hypothesis that a schedule is a finding."""


@dataclass(frozen=True, slots=True)
class Chaos:
    """A client, and the worlds that it is let loose in. `search` finds and shrinks, `replay` plays one file.

    The world is `scenario` (a Scenario, a file, or the name of a shipped one), or else one site `north` of that
    `personality` with so many `patients` and `settings`, `roster` of whom the client is told to look after, with
    `scopes`; `truth` says which types of records it is to end up with, if it returns records.
    """

    client: ClientUnderTest
    scenario: Scenario | Path | str | None = None
    personality: str = "generic"
    patients: int = 20
    roster: int = 3
    scopes: str = "system/*.cruds"
    open_access: bool = False
    """No tokens wanted."""
    truth: dict[str, str] = field(default_factory=lambda: {"Patient": ""})
    settings: dict[str, Any] = field(default_factory=dict)

    quirks: Collection[str] = ()
    """Names of the quirks and corruptions to draw from; all that touch `channels`, unless told."""
    without: Collection[str] = ()
    channels: Collection[str] = HTTP_CHANNELS
    choices: Choices = field(default_factory=lambda: MappingProxyType({}))
    """Strategies of your own for single settings: quirk → setting → strategy."""
    calm: bool = True
    """Only rules that end some time. Otherwise giving up is all that a client can do at times: see `gives_up`."""
    longest: int = 8
    """Rules in one schedule."""

    judge: Sequence[str] | Judge = ()
    """Names of probes (none: all), or a function that says what is wrong. Records are compared in any case."""
    gives_up: tuple[type[BaseException], ...] = ()
    """Exceptions by which the client says that it gave up, which is no break."""
    calls: int = 1000
    """Requests and pauses in one run; more is a livelock."""
    pace: float = 0.1
    """Site seconds that each request takes."""

    examples: int | None = None
    """Runs before it is taken for sound; as the profile of Hypothesis has it unless told."""
    seed: int | None = None
    """Of sites and search; unless told that of the scenario or SEED, and the search as the profile has it."""
    save: Path | str | None = None
    """Folder for what is found: `<name>.scenario.yaml`, which is also played first the next time."""
    name: str = ""
    """What a finding is called: the client's own name unless told."""

    # what is done

    def search(self) -> ChaosReport:
        """Let the client meet drawn schedules; the report if it survives all, else raises ClientBroke."""
        base = self.base()
        kept = self._file()
        if kept is not None and kept.is_file():
            report = self._played(load_scenario(kept), path=kept)
            if report.broke is not None:
                raise ClientBroke(report)
        with asyncio.Runner() as runner:
            hunt = _Hunt(self, base, runner)
            report = hunt.report(self._strategy(base))
        if report.broke is None:
            return report
        if kept is not None:
            report = replace(report, path=save(_told(report.scenario, report), _free(kept)))
        raise ClientBroke(report)

    def replay(self, path: Path | str) -> ChaosReport:
        """Play a scenario file once, in memory; raises ClientBroke if it still breaks the client."""
        found = find_scenario(path)
        report = self._played(load_scenario(found), path=found)
        if report.broke is not None:
            raise ClientBroke(report)
        return report

    def play(self, planned: Sequence[Planned]) -> ChaosReport:
        """One run under these rules, each with the site at which it is armed; a break is in the report."""
        scenario = with_rules(self.base(), planned)
        with asyncio.Runner() as runner:
            outcome = self.once(scenario, runner)
        return ChaosReport(self.called, scenario, tuple(planned), outcome, runs=1)

    def once(self, scenario: Scenario, runner: asyncio.Runner, base: Path | None = None) -> Outcome:
        """One run of the client at the scenario's sites, all on stepped clocks."""
        run = ChaosRun(Trial(stepped(scenario), base=base), runner, calls=self.calls, pace=self.pace)
        try:
            return play(self.client, run, runner, judge=self.judge, gives_up=self.gives_up)
        finally:
            run.close()

    # how

    def _played(self, scenario: Scenario, *, path: Path) -> ChaosReport:
        with asyncio.Runner() as runner:
            outcome = self.once(scenario, runner, path.parent)
        planned = tuple((site.name, rule.plain()) for site in scenario.sites for rule in site.quirks)
        return ChaosReport(self.called, scenario, planned, outcome, runs=1, path=path)

    def base(self) -> Scenario:
        """The world without what is drawn."""
        given_one = self.scenario
        if given_one is None:
            north = SiteConfig(
                name="north",
                personality=self.personality,
                patients=self.patients,
                settings=self.settings,
                open_access=self.open_access,
            )
            given_one = Scenario(
                title=f"Chaos for {self.called}",
                seed=SEED,
                sites=[north],
                client=ClientSection(scopes=self.scopes),
                roster=RosterSection(size=self.roster),
                truth=TruthSection(types=self.truth),
            )
        elif not isinstance(given_one, Scenario):
            given_one = load_scenario(find_scenario(given_one))
        return given_one if self.seed is None else given_one.model_copy(update={"seed": self.seed})

    def _strategy(self, base: Scenario) -> st.SearchStrategy[list[Planned]]:
        present = [rule.use for site in base.sites for rule in site.quirks]
        drawn = rules(
            channels=self.channels,
            names=self.quirks,
            without=(*self.without, *present),
            choices=self.choices,
            calm=self.calm,
            corruptions=True,
        )
        sites = [site.name for site in base.sites]
        return st.lists(
            st.tuples(st.sampled_from(sites), drawn),
            max_size=self.longest,
            unique_by=lambda planned: (planned[0], str(planned[1]["use"])),
        )

    @property
    def called(self) -> str:
        """The client's name, as files have it."""
        own = getattr(self.client, "__qualname__", type(self.client).__name__)
        return re.sub(r"[^a-z0-9]+", "-", (self.name or own.rpartition(".")[2]).lower()).strip("-") or "client"

    def _file(self) -> Path | None:
        return None if self.save is None else Path(self.save) / (self.called + SUFFIX)


class _Hunt:
    """One search: the first kind of break that is met is the one that is shrunk, whatever else comes along."""

    def __init__(self, chaos: Chaos, base: Scenario, runner: asyncio.Runner) -> None:
        self._chaos = chaos
        self._base = base
        self._runner = runner
        self._runs = 0
        self._found: tuple[Planned, ...] | None = None
        self._met: dict[bytes, Outcome] = {}

    def report(self, strategy: st.SearchStrategy[list[Planned]]) -> ChaosReport:
        """Search, shrink, and tell what came of it."""

        def test(planned: list[Planned]) -> None:
            if self._outcome(tuple(planned)).broke is not None:
                self._found = tuple(planned)
                raise _Broke

        seed = self._chaos.seed
        drawn = self._settings()(given(strategy)(test))
        try:
            with redirect_stdout(StringIO()):
                (drawn if seed is None else seeded(seed)(drawn))()
        except _Broke:
            assert self._found is not None
            planned = self._smallest(self._found)
            scenario = with_rules(self._base, planned)
            return ChaosReport(self._chaos.called, scenario, planned, self._outcome(planned), runs=self._runs)
        return ChaosReport(self._chaos.called, self._base, (), Outcome(None, (), "", 0), runs=self._runs)

    def _settings(self) -> hypothesis_settings:
        chaos = self._chaos
        asked: dict[str, Any] = {} if chaos.examples is None else {"max_examples": chaos.examples}
        if chaos.seed is not None:
            asked["derandomize"] = False
        return hypothesis_settings(
            deadline=None,
            database=None,  # what is found is kept as a scenario
            verbosity=Verbosity.quiet,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            **asked,
        )

    def _smallest(self, planned: tuple[Planned, ...]) -> tuple[Planned, ...]:
        broke = self._outcome(planned).broke
        assert broke is not None

        def breaks(fewer: tuple[Planned, ...]) -> bool:
            other = self._outcome(fewer).broke
            return other is not None and other.same == broke.same

        return shrunk(planned, breaks)

    def _outcome(self, planned: tuple[Planned, ...]) -> Outcome:
        """Equal schedules are met once: one run is like the other."""
        key = orjson.dumps(planned)
        if key not in self._met:
            self._runs += 1
            self._met[key] = self._chaos.once(with_rules(self._base, planned), self._runner)
        return self._met[key]


def _told(scenario: Scenario, report: ChaosReport) -> Scenario:
    """The scenario as it is saved: what it is good for, and the probe that has to pass."""
    broke = report.broke
    assert broke is not None
    story = f"Found by chaos after {report.runs} runs. {_cause(broke)}\n"
    update: dict[str, Any] = {"title": f"Chaos for {report.name}", "story": story}
    if broke.kind == "probe":
        update["verdict"] = scenario.verdict.model_copy(update={"required": [broke.what]})
    return scenario.model_copy(update=update)


def _cause(broke: Break) -> str:
    return f"It breaks at the probe {broke.what}." if broke.kind == "probe" else f"It breaks: {broke.text}"


def _free(path: Path) -> Path:
    """The path, or one beside it that nobody has: what was found before stays, so that it is played again."""
    number, stem = 2, path.name.removesuffix(SUFFIX)
    while path.exists():
        path = path.with_name(f"{stem}-{number}{SUFFIX}")
        number += 1
    return path


def chaos(client: ClientUnderTest, **settings: Any) -> ChaosReport:
    """Let Hypothesis look for the smallest schedule of misbehaviour that breaks a client, all in one process.

    `client` gets a ChaosRun (`run.http`, `run.told()`, `run.sleep`, `run.time`) and may return the records that it
    ended up with; a coroutine function may be given as well. `settings` are those of `Chaos`. Returns a report if the
    client survives; raises ClientBroke, whose `report` has the schedule, the break and the file, if it does not.
    """
    unknown = [name for name in settings if name not in Chaos.__dataclass_fields__]
    if unknown:
        raise UsageError(f"chaos has no setting {unknown[0]!r}.", remedy="Use those of mockehr.testing.havoc.Chaos.")
    return Chaos(client, **settings).search()


def replay(client: ClientUnderTest, path: Path | str, **settings: Any) -> ChaosReport:
    """Play a saved schedule once more; returns the report, or raises ClientBroke if it still breaks the client."""
    return Chaos(client, **settings).replay(path)
