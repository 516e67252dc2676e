"""One scenario that is to be run with a client's command: what has to be known of it to run it anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mockehr.cli.runs import UNLIMITED, Limits, Watch, ending, run_trial
from mockehr.core.clock import Clock
from mockehr.core.errors import UsageError
from mockehr.scenarios.report.run import OVERDUE, Real, Run, run_of
from mockehr.scenarios.schema import Scenario, load_scenario
from mockehr.scenarios.shipped import SUFFIX, find_scenario, shipped_scenarios
from mockehr.scenarios.trial import Trial

EVERY: Final = "all"
"""In place of scenarios: all that come with mockehr."""


def scenarios_meant(given: Sequence[Path], kind: str = "") -> list[Path]:
    """The files meant by names, paths or EVERY; with a `kind` those that are for such a client alone.

    Raises UnknownName for what is none, UsageError if none is left.
    """
    found: list[Path] = []
    for one in given:
        everything = str(one) == EVERY and not one.is_file()
        found += shipped_scenarios().values() if everything else [find_scenario(one)]
    fitting = [path for path in found if not kind or load_scenario(path).client.kind == kind]
    if found and not fitting:
        raise UsageError(
            f"None of these scenarios is for a client of the kind {kind}.",
            remedy="Leave out --kind, or write all.",
            reference="mockehr scenario list",
        )
    return fitting


@dataclass(frozen=True, slots=True)
class Order:
    """A scenario's file, what is to be changed of it, and the command; it can be sent to another process."""

    path: Path
    command: tuple[str, ...]
    seed: int | None = None
    given: tuple[tuple[str, str], ...] = ()
    """Values of the scenario's parameters."""
    limits: Limits = UNLIMITED
    exchanges: bool = False
    """Whether a report wants to show them."""
    reproducible: bool = False

    @property
    def name(self) -> str:
        """The scenario's name: that of its file."""
        return self.path.name.removesuffix(SUFFIX)

    @property
    def place(self) -> str:
        """The file as reports are to name it: relative to the working directory, where it is below that."""
        here, file = Path.cwd(), self.path.resolve()
        return file.relative_to(here).as_posix() if file.is_relative_to(here) else f"scenarios/{file.name}"

    def scenario(self) -> Scenario:
        """The scenario with what is to be changed; raises as `load_scenario` does."""
        found = load_scenario(self.path, dict(self.given))
        return found if self.seed is None else found.model_copy(update={"seed": self.seed})


def fixed_ports(scenario: Scenario) -> frozenset[int]:
    """Ports that the scenario itself names: two that share one cannot run at the same time."""
    addresses = [scenario.client.launch_url, *(hook.url for site in scenario.sites for hook in site.webhooks)]
    ports = {urlsplit(address).port or 0 for address in addresses if address}
    for site in scenario.sites:
        ports |= {link.port for link in site.hl7.links} | {one.port for one in site.hl7.listen}
    return frozenset(ports - {0})


def perform(order: Order, *, quiet: bool = False, watch: Watch | None = None, say: Callable[[str], None]) -> Run:
    """Run it here; `say` is told what people may want to know. Raises as `run_trial` does."""
    scenario = order.scenario()
    trial = Trial(scenario, base=order.path.parent)
    stopwatch = Clock(start=0.0)
    scorecard, status = run_trial(
        trial, order.command, quiet=quiet, label=scenario.title, limits=order.limits, watch=watch
    )
    if status and status != OVERDUE:
        say(f"mockehr: the client ended with {ending(status)}.")
    run = run_of(trial, scorecard, status, name=order.name, file=order.place, exchanges=order.exchanges)
    return run.reproducible() if order.reproducible else replace(run, real=Real(stopwatch.now()))
