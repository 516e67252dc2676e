"""Every quirk of the network tells a client that copes from one with the habit that the quirk is about.

Over real sockets. Time passes on the site's stepped clock when a client waits; where the server has to wait, the
clock runs a hundred times as fast as ours. A naive client has to get along where nothing disturbs it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from mockehr.core.exchange import Exchange
from mockehr.edge.server import Server, ThreadedServer
from mockehr.scenarios.probe import Case
from mockehr.scenarios.probes import probes
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

FAST = 100.0
SYSTEM = "https://sync.example.org/ids"
NOTE = {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": "1"}]}
TRIES = 9
Json = dict[str, Any]


@dataclass
class Habits:
    """A client in a few words; the defaults cope."""

    again: int = TRIES
    """How often a read is tried."""
    growing: bool = True
    """Whether pauses grow over all that fails, and are made at all."""
    guarded: bool = True
    """Whether a create says If-None-Exist."""
    picky: bool = True
    """Whether only what was asked for counts as an answer."""
    silence: float = 0.3
    """Wall seconds without an octet until it gives up."""
    whole: float = 0.3
    """Wall seconds for a whole answer."""
    at_once: int = 1
    """How many threads ask."""


@dataclass
class Client:
    """Reads the patients of a site and writes one."""

    server: ThreadedServer
    site: Site
    habits: Habits
    row: int = 0
    kept: set[str] = field(default_factory=set)

    @property
    def base(self) -> str:
        return self.server.server.url_of(self.site) + self.site.fhir_path.rstrip("/")

    def rest(self) -> None:
        """A pause on the site's clock, or what it takes to come straight back."""
        seconds = min(30.0, 0.5 * 2.0**self.row) if self.habits.growing else 0.05
        self.row += 1
        if self.site.clock.frozen:
            self.server.call(self.site.clock.advance, seconds)

    def read(self, http: httpx2.Client, id: str) -> None:
        """One patient."""
        for _ in range(self.habits.again):
            try:
                answer = self.fetch(http, f"{self.base}/Patient/{id}")
                if answer is not None:
                    self.row = 0
                    self.kept.add(id)
                    return
            except (httpx2.TransportError, httpx2.DecodingError, ValueError):
                pass
            self.rest()

    def fetch(self, http: httpx2.Client, url: str) -> Any:
        """What counts as the answer; None if none of it does."""
        clock = threading.Event()
        timer = threading.Timer(self.habits.whole, clock.set)
        timer.start()
        try:
            with http.stream("GET", url) as response:
                parts = []
                for part in response.iter_bytes():
                    parts.append(part)
                    if clock.is_set():
                        raise httpx2.ReadTimeout("it drips", request=response.request)
            if not self.habits.picky:
                return b"".join(parts)
            document = httpx2.Response(200, content=b"".join(parts)).json()
            return document if response.status_code == 200 and document["resourceType"] == "Patient" else None
        finally:
            timer.cancel()

    def write(self, http: httpx2.Client) -> None:
        """One patient of our own."""
        guard = {"If-None-Exist": f"identifier={SYSTEM}|1"} if self.habits.guarded else {}
        for _ in range(self.habits.again):
            try:
                answer = http.post(
                    f"{self.base}/Patient", json=NOTE, headers={"Content-Type": "application/fhir+json", **guard}
                )
                if answer.status_code < 300 and (not self.habits.picky or answer.json()["resourceType"] == "Patient"):
                    return
            except (httpx2.TransportError, ValueError):
                pass
            self.rest()

    def sync(self, writes: bool) -> None:
        """All of it."""
        with httpx2.Client(timeout=self.habits.silence, trust_env=False) as http:
            if self.habits.at_once > 1:
                threads = [threading.Thread(target=self.read, args=(http, "p1")) for _ in range(self.habits.at_once)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                return
            for id in ("p0", "p1", "p2"):
                self.read(http, id)
            if writes:
                self.write(http)


@dataclass(frozen=True)
class Day:
    """A rule, the probe that it is an occasion for, and the habit that does not survive it."""

    rule: Json
    probe: str
    naive: Callable[[], Habits]
    runs: bool = False
    """Whether the site's clock runs by itself."""
    writes: bool = False


def once(use: str, **settings: Any) -> Json:
    return {"use": use, "with": settings, "when": {"first": 1}}


def hasty() -> Habits:
    return Habits(again=1)


DAYS = [
    *(Day(once("outage", status=status, body=body), "never-parses-html", lambda: Habits(again=1, picky=False))
      for status, body in ((502, "proxy"), (503, "maintenance"))),
    Day({"use": "outage", "with": {"body": "gateway"}, "when": {"window": [0, "40s"]}}, "backs-off-in-outage",
        lambda: Habits(growing=False)),
    Day({"use": "outage", "with": {"body": "empty"}, "when": {"window": [0, "40s"]}}, "backs-off-in-outage",
        lambda: Habits(growing=False)),
    Day({"use": "connection-refused", "when": {"first": 8}}, "backs-off-in-outage", lambda: Habits(growing=False)),
    Day(once("connection-refused"), "repeats-broken-reads", hasty),
    Day(once("reset", at="request"), "repeats-broken-reads", hasty),
    Day(once("truncated-body", framing="chunks"), "repeats-broken-reads", hasty),
    Day(once("wrong-content-length", by=9), "repeats-broken-reads", hasty),
    Day(once("wrong-content-length", by=-9), "repeats-broken-reads", hasty),
    Day(once("damaged-gzip"), "repeats-broken-reads", hasty),
    Day(once("malformed-success", body="html"), "never-parses-html", lambda: Habits(picky=False)),
    Day({"use": "keep-alive-cut", "when": {"first": 2}}, "repeats-broken-reads", hasty),
    Day(once("hangs"), "repeats-broken-reads", hasty),
    Day(once("hangs"), "bounded-timeouts", lambda: Habits(silence=1.2, whole=1.2), runs=True),
    Day(once("slow-drip", octets=500, pause="30s"), "bounded-timeouts", lambda: Habits(silence=9, whole=9),
        runs=True),
    Day({"use": "latency", "with": {"delay": "25s"}, "when": {"first": 12}}, "no-pile-up",
        lambda: Habits(at_once=12, silence=9, whole=9), runs=True),
    Day(once("duplicate-request"), "duplicates-harmless", lambda: Habits(guarded=False), writes=True),
    Day(once("duplicate-request", answer="last"), "duplicates-harmless", lambda: Habits(guarded=False), writes=True),
    Day({**once("malformed-success", body="empty"), "where": {"interaction": "create"}}, "no-blind-repeat",
        lambda: Habits(guarded=False), writes=True),
    Day({**once("hangs", after_work=True), "where": {"interaction": "create"}}, "no-blind-repeat",
        lambda: Habits(guarded=False), writes=True),
]  # fmt: skip
NAMES = [f"{day.rule['use']}-{day.probe}-{number}" for number, day in enumerate(DAYS)]


@pytest.fixture
def server() -> Iterator[ThreadedServer]:
    running = ThreadedServer(Server(Directory())).start()
    yield running
    running.stop()


def verdict(server: ThreadedServer, day: Day, habits: Habits, *, calm: bool = False) -> tuple[str, Client]:
    """What the probe says of a client with those habits, on such a day or on a calm one."""
    site = build_site(SiteOptions("north", patients=3, stepped=True, open_access=True))
    if not calm:
        site.arm(day.rule)
    server.call(server.server.admit, site)
    if day.runs:
        server.call(site.clock.run, scale=FAST)
    client = Client(server, site, habits)
    client.sync(day.writes)
    server.call(server.server.directory.remove, site.name)
    exchanges: list[Exchange] = list(site.journal)
    return probes().get(day.probe).judge(Case(tuple(exchanges), "north", "")).verdict, client


@pytest.mark.parametrize("day", DAYS, ids=NAMES)
def test_a_client_that_copes_passes_and_has_everything_once(day: Day, server: ThreadedServer) -> None:
    said, client = verdict(server, day, Habits())
    assert said == "pass"
    assert client.kept == {"p0", "p1", "p2"}
    assert len(list(client.site.store.overlay("Patient"))) == int(day.writes)


@pytest.mark.parametrize("day", DAYS, ids=NAMES)
def test_a_naive_client_fails_and_would_not_on_a_calm_day(day: Day, server: ThreadedServer) -> None:
    assert verdict(server, day, day.naive())[0] == "fail"
    said, client = verdict(server, day, day.naive(), calm=True)
    assert said == "not-applicable"
    assert "p1" in client.kept
