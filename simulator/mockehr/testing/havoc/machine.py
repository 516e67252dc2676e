"""A state machine that users subclass: Hypothesis arms and disarms rules, lets time pass and lets the client act.

class NightMachine(ChaosMachine):
    quirks = ("token-expiry", "lost-response")

    def act(self, run):
        self.sync.step(run)

TestNight = NightMachine.TestCase
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mockehr.core.errors import UsageError
from mockehr.scenarios.schema import Scenario
from mockehr.scenarios.trial import Trial
from mockehr.testing.havoc.network import finished
from mockehr.testing.havoc.outcome import scored
from mockehr.testing.havoc.run import ChaosRun
from mockehr.testing.havoc.saving import stepped
from mockehr.testing.havoc.search import HTTP_CHANNELS, Chaos
from mockehr.testing.strategies.schedules import rules

SPANS: tuple[float, ...] = (1.0, 10.0, 60.0, 600.0, 3600.0)
"""Seconds that pass at once."""


class ChaosMachine(RuleBasedStateMachine):
    """One client at sites in memory. Override `act`, and `begin` for what is made once in each run.

    `run` is the ChaosRun that the client lives in. Add rules and invariants of your own as with any machine. Probes
    of `probes` may never fail; what else has to hold, say in `check`.
    """

    personality: ClassVar[str] = "generic"
    patients: ClassVar[int] = 20
    roster: ClassVar[int] = 3
    scopes: ClassVar[str] = "system/*.cruds"
    scenario: ClassVar[Scenario | None] = None
    """Sites of your own in place of the one site `north`."""
    quirks: ClassVar[Collection[str]] = ()
    """Names to draw from; all that touch `channels`, unless told."""
    channels: ClassVar[Collection[str]] = HTTP_CHANNELS
    calm: ClassVar[bool] = True
    most: ClassVar[int] = 4
    """Rules that are armed at a time."""
    calls: ClassVar[int] = 5000
    pace: ClassVar[float] = 0.1
    probes: ClassVar[Sequence[str]] = ()

    run: ChaosRun

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()

    def begin(self, run: ChaosRun) -> Any:
        """Make the client. A coroutine is run to its end."""

    def act(self, run: ChaosRun) -> Any:
        """Let the client do one thing. A coroutine is run to its end. Raises UsageError unless a subclass has it."""
        raise UsageError("The machine has no client that acts.", remedy="Override act(self, run).")

    def check(self, run: ChaosRun) -> None:
        """Assert what always has to hold."""

    @initialize()
    def open_sites(self) -> None:
        """Fresh sites for each run."""
        made = Chaos(
            self.act,
            scenario=self.scenario,
            personality=self.personality,
            patients=self.patients,
            roster=self.roster,
            scopes=self.scopes,
        )
        trial = Trial(stepped(made.base()))
        self.run = ChaosRun(trial, self._runner, calls=self.calls, pace=self.pace)
        self._do(self.begin)

    @rule(data=st.data())
    def arm(self, data: st.DataObject) -> None:
        """A rule begins to act."""
        site = self.run.site(data.draw(st.sampled_from([site.name for site in self.run.sites]), label="site"))
        assume(len(site.rules) < self.most)
        drawn = rules(channels=self.channels, names=self.quirks, calm=self.calm, corruptions=False)
        told = data.draw(drawn, label="rule")
        assume(told["use"] not in [one.name for one in site.rules])
        site.arm(told)

    @precondition(lambda self: any(site.rules for site in self.run.sites))
    @rule(data=st.data())
    def disarm(self, data: st.DataObject) -> None:
        """A rule ends."""
        armed = [(site.name, one.name) for site in self.run.sites for one in site.rules]
        name, rule_name = data.draw(st.sampled_from(armed), label="rule")
        self.run.site(name).disarm(rule_name)

    @rule(seconds=st.sampled_from(SPANS))
    def let_time_pass(self, seconds: float) -> None:
        """Nothing happens for a while."""
        self.run.advance(seconds)

    @rule()
    def let_client_act(self) -> None:
        """The client does one thing."""
        self._do(self.act)

    @invariant()
    def nothing_is_wrong(self) -> None:
        """No probe of `probes` fails, and `check` holds."""
        if not hasattr(self, "run"):
            return
        for card, finding in scored(self.run, self.probes, None) if self.probes else ():
            assert finding.verdict != "fail", f"{finding.probe} ({card.client} at {card.site}): {finding.summary}"
        self.check(self.run)

    def teardown(self) -> None:
        """Close the sites."""
        if hasattr(self, "run"):
            self.run.close()
        self._runner.close()

    def _do(self, what: Any) -> None:
        answer = what(self.run)
        if inspect.iscoroutine(answer):
            finished(self._runner, answer, "the machine")
