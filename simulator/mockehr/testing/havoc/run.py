"""One run of one client against sites in memory: what the client gets, and the bounds that it is kept to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2

from mockehr.auth.keys import load_key, private_jwk
from mockehr.core.chance import Chance
from mockehr.core.errors import UnknownName
from mockehr.scenarios.trial import Trial
from mockehr.sites.directory import Directory
from mockehr.sites.site import Site
from mockehr.sites.test_client import fitting_key
from mockehr.testing.havoc.network import ADDRESS, Network, TooManyCalls
from mockehr.testing.site import TestClient


class ChaosRun:
    """What a client under chaos is given: HTTP, time and chance, all in memory, and where and who it is.

    Nothing here waits: `sleep` moves the clocks of the sites, and so does each request (by `pace` site seconds and
    by what rules add). After `calls` requests and pauses TooManyCalls ends the run.
    """

    def __init__(self, trial: Trial, runner: asyncio.Runner, *, calls: int, pace: float) -> None:
        self.trial = trial
        self.calls = 0
        """Requests and pauses so far."""
        self._most = calls
        self._runner = runner
        self._chance = Chance(trial.scenario.seed).stream("chaos", "client")
        self._directory = Directory()
        for site in trial.sites:
            self._directory.add(site)
        self._directory.check()
        self.transport = Network(self._directory, runner, spend=self._spend, wait=self.advance, pace=pace)
        """For an `httpx2.Client` or `AsyncClient` of your own."""

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites, in the order of the scenario."""
        return tuple(self.trial.sites)

    def site(self, name: str = "") -> Site:
        """The site of that name, or the first; raises UnknownName."""
        for site in self.trial.sites:
            if name in ("", site.name):
                return site
        raise UnknownName("site", name, [site.name for site in self.trial.sites])

    def told(self, name: str = "") -> TestClient:
        """Who the client is at a site (the first unless named), where that is, and whose records to sync."""
        site = self.site(name)
        root, client = f"{ADDRESS}/{site.name}", self.trial.scenario.client
        return TestClient(
            client.client_id,
            client.scopes,
            private_jwk(load_key(fitting_key(site.auth.settings.assertion_algs))),
            root + site.token_path,
            (root + site.fhir_path).rstrip("/"),
            tuple(self.trial.rosters[site.name]),
        )

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """The variables by which `mockehr check` tells the same."""
        return self.trial.environment(ADDRESS, Path("output"))

    @cached_property
    def http(self) -> httpx2.Client:
        """A sync client to the sites; time-outs are those of httpx2, in site seconds."""
        return httpx2.Client(transport=self.transport)

    @cached_property
    def async_http(self) -> httpx2.AsyncClient:
        """The same for async code."""
        return httpx2.AsyncClient(transport=self.transport)

    def sleep(self, seconds: float) -> None:
        """Let site time pass, at once; stands for `time.sleep`."""
        self._spend()
        self.advance(seconds)

    async def async_sleep(self, seconds: float) -> None:
        """The same for async code; other tasks get their turn."""
        self.sleep(seconds)
        await asyncio.sleep(0)

    def time(self) -> float:
        """The time in seconds since 1970 UTC; stands for `time.time`."""
        return self.trial.sites[0].clock.now()

    def random(self) -> float:
        """A float in [0, 1) by the seed, the same in each run; stands for `random.random`."""
        return self._chance.random()

    def advance(self, seconds: float) -> None:
        """Move the clocks of all sites; what falls due fires."""
        for site in self.trial.sites:
            site.clock.advance(max(0.0, seconds))

    def close(self) -> None:
        """End what the run opened."""
        opened = vars(self)
        if "http" in opened:
            self.http.close()
        if "async_http" in opened:
            self._runner.run(self.async_http.aclose())
        self.transport.end()
        self._directory.close()

    def _spend(self) -> None:
        self.calls += 1
        if self.calls > self._most:
            raise TooManyCalls(f"{self._most} requests and pauses, and no end")


Records = Any
"""What a client may return: nothing, FHIR resources as dicts, or those by the names of their sites."""
