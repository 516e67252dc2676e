"""What the fixture `mockehr` gives: sites made for one test, and everything one wants to ask of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from itertools import count
from pathlib import Path
from typing import Any, Final

from mockehr.core.errors import UnknownName, UsageError
from mockehr.core.exchange import JSON
from mockehr.edge.own_ports import free_ports
from mockehr.journal import entry
from mockehr.quirks.where import refuse_unknown
from mockehr.scenarios.scorecard import Scorecard
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.testing.listeners import Listeners
from mockehr.testing.server import WorldServer
from mockehr.testing.site import TestClient, TestSite, Truth
from mockehr.testing.staged import StagedScenario, find_trial

__all__ = ["StagedScenario", "TestClient", "TestSite", "Truth", "World", "WorldServer"]

SHOWN = 40
OF_A_SITE: Final = tuple(f.name for f in fields(SiteOptions) if f.name not in ("name", "personality"))
"""Settings that the marker passes on to every site that the test makes."""
OF_A_TEST: Final = ("vendor", "quirks", "scenario", "parameters", "lenient", "strict")


class World:
    """The sites of one test, by name: `world["north"]`, `"north" in world`, `for site in world`.

    `settings` are those of the marker: fields of SiteOptions, `vendor` and `quirks` are defaults for every site made
    by `site()`; `lenient` and `strict` say which armed rules must have fired in the end. Raises ConfigError, with the
    nearest name, for any other.
    """

    def __init__(self, server: WorldServer, settings: Mapping[str, Any]) -> None:
        refuse_unknown("mockehr", settings, (*OF_A_SITE, *OF_A_TEST))
        self._server = server
        self._settings = settings
        self._numbers = count()
        self._scenario: StagedScenario | None = None
        self._excused: frozenset[tuple[str, str]] = frozenset()
        self.sites: list[TestSite] = []
        self.listeners = Listeners(server)

    @property
    def url(self) -> str:
        """The server's address."""
        return self._server.url

    def __getitem__(self, name: str) -> TestSite:
        """The site of that name; raises UnknownName with the nearest ones."""
        for made in self.sites:
            if made.name == name:
                return made
        raise UnknownName("site", name, [made.name for made in self.sites], reference='README.md, "In pytest"')

    def __contains__(self, name: object) -> bool:
        return any(made.name == name for made in self.sites)

    def __iter__(self) -> Iterator[TestSite]:
        return iter(tuple(self.sites))

    def site(self, vendor: str = "", **options: Any) -> TestSite:
        """Make a fresh site. Options as in SiteOptions; the marker's settings are the defaults.

        Sites are numbered within the test, so that the same test alone makes the same sites.
        """
        given = {key: self._settings[key] for key in OF_A_SITE if key in self._settings} | options
        given["seed"] = seed_of(given.get("seed", 7))
        vendor = vendor or str(self._settings.get("vendor") or "generic")
        name = given.pop("name", "") or next(free for n in self._numbers if (free := f"{vendor}-{n}") not in self)
        made = self._admit(build_site(SiteOptions(name, personality=vendor, **given)))
        if made.site.listeners.wanted():
            self.listeners.open_all(made)
        for rule in self._settings.get("quirks", ()):
            made._call(made.site.arm, rule if isinstance(rule, Mapping) else {"use": rule})
        return made

    # a scenario

    def stage(self, scenario: str | Path, *, seed: int | str | None = None, folders: Iterable[Path] = ()) -> None:
        """Make the sites of a scenario, given by the name of a shipped one or by the path of a file.

        `seed` takes the place of the scenario's own; relative paths also count from `folders`. Sites that take
        HL7 messages do so on free ports, whatever the scenario says: tests run side by side. Raises UsageError for a
        second scenario in one test, UnknownName and ConfigError for one that does not exist or does not hold.
        """
        if self._scenario is not None:
            raise UsageError(
                f"This test plays {self._scenario.title} already.", remedy="Play one scenario in each test."
            )
        given = self._settings.get("parameters") or {}
        trial = find_trial(scenario, folders, seed=None if seed is None else seed_of(seed), given=given)
        ports: dict[str, int] = {}
        trial.assign_ports(free_ports)
        for site in trial.sites:
            made = self._admit(site)
            if site.listeners.wanted():
                ports[site.name] = self.listeners.open_all(made, free=True)[1]
        self._excused = frozenset((site.name, rule) for site in trial.sites for rule in trial.rules_at(site))
        self._scenario = StagedScenario(trial, self._server, ports)

    @property
    def plays(self) -> bool:
        """Whether this test plays a scenario."""
        return self._scenario is not None

    @property
    def scenario(self) -> StagedScenario:
        """The scenario that this test plays; raises UsageError if it plays none."""
        if self._scenario is None:
            raise UsageError(
                "This test plays no scenario.",
                remedy='Name one: @pytest.mark.mockehr(scenario="flaky-friday"), or --mockehr-scenario.',
                reference='README.md, "In pytest"',
            )
        return self._scenario

    def verdict(self, records: Mapping[str, Iterable[JSON]] | Path) -> Scorecard:
        """The scenario's verdict on a client that ended up with those records, by site; see `StagedScenario`."""
        return self.scenario.verdict(records)

    # the end

    def close(self) -> list[str]:
        """Take the sites away; returns `site: rule` of rules that should have fired and never did.

        Rules that came with a scenario are excused unless the test is marked `strict=True`; `lenient=True` or
        `strict=False` excuse all.
        """
        strict = self._settings.get("strict")
        if self._settings.get("lenient") or strict is False:
            strict, every = False, False
        else:
            every = bool(strict)
        unused = []
        self.listeners.close()
        for made in self.sites:
            self._server.threaded.call(self._server.threaded.server.directory.remove, made.name)
            for rule in made.site.rules if strict is not False else ():
                if not rule.fired and (every or (made.name, rule.name) not in self._excused):
                    unused.append(f"{made.name}: {rule.name}")
        return unused

    def story(self) -> str:
        """What happened at each site, newest last, for the report of a failing test."""
        lines = []
        if self._scenario is not None:
            lines.append(f"scenario {self._scenario.title} (seed {self._scenario.seed})")
        for made in self.sites:
            options = made.site.options
            lines.append(
                f"site {made.name} ({options.personality}, {options.patients} patients, seed {options.seed})"
            )
            charts = made.site.charts
            armed = [*(rule.name for rule in made.site.rules), *(charts.infections if charts is not None else ())]
            lines += [f"  armed: {', '.join(armed)}"] if armed else []
            skipped = len(made.site.journal) - SHOWN
            lines += [f"  … {skipped} earlier exchanges"] if skipped > 0 else []
            for exchange in list(made.site.journal)[-SHOWN:]:
                shown = entry(exchange)
                status = shown.get("reply", {}).get("status", "-")
                query = f"?{exchange.query}" if exchange.query else ""
                hl7 = exchange.interaction if exchange.channel.startswith("mllp") else None
                done = f"{exchange.method} {exchange.path}{query}" + (f" {hl7.name}" if hl7 else "")
                ack = f" {exchange.notes['ack']}" if exchange.notes.get("ack") else ""
                lines.append(f"  {exchange.number:5} {exchange.channel:9} {done} → {status}{ack}")
                if exchange.problem is not None:
                    lines.append(f"          refused, {exchange.problem.kind}: {exchange.problem.text}")
                elif "refused" in exchange.notes:
                    lines.append(f"          refused: {exchange.notes['refused']}")
                lines += [f"          {d.rule}: {d.outcome} {d.why}".rstrip() for d in exchange.decisions]
        return "\n".join(lines)

    def _admit(self, site: Site) -> TestSite:
        self._server.threaded.call(self._server.threaded.server.admit, site)
        made = TestSite(site, self._server)
        self.sites.append(made)
        return made


def seed_of(given: Any) -> int | str:
    """A seed as it is used: text that is a whole number counts as that number."""
    text = str(given)
    return int(text) if text.removeprefix("-").isdecimal() else text
