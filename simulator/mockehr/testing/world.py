"""What the fixture `mockehr` gives: sites made for one test, and everything one wants to ask of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import MappingProxyType
from typing import Any, Final

from mockehr.auth.clients import Client
from mockehr.auth.keys import read_bundled_key
from mockehr.control.facade import Control
from mockehr.core.clock import Settled, duration
from mockehr.core.errors import UsageError, VerdictFailed
from mockehr.core.exchange import JSON, Exchange
from mockehr.edge.server import Server, ThreadedServer
from mockehr.journal import Question, entry
from mockehr.scenarios.probe import Case
from mockehr.scenarios.scorecard import Scorecard, cases_of, judge
from mockehr.scenarios.trial import truth_of
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.test_client import register_demo_client
from mockehr.sites.truth import TruthReport

SHOWN = 40
ALL_PATIENTS: Final = 10_000
PATIENTS_ONLY: Final = MappingProxyType({"Patient": ""})


@dataclass(slots=True)
class WorldServer:
    """The session's server, and the names that were given out."""

    threaded: ThreadedServer
    numbers: count[int] = field(default_factory=count)

    @classmethod
    def started(cls) -> WorldServer:
        """A server that listens on a free port of loopback."""
        from mockehr.api.control import ControlApi

        directory = Directory()
        server = Server(directory, control=ControlApi(directory))
        return cls(ThreadedServer(server).start())

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return self.threaded.server.url

    def stop(self) -> None:
        """End it."""
        self.threaded.stop()


@dataclass(frozen=True, slots=True)
class TestClient:
    """Who a client under test is: everything it needs to get a token."""

    __test__ = False

    client_id: str
    scopes: str
    key: Mapping[str, str]
    """Private JWK of a public test key."""
    token_url: str
    fhir_url: str


class TestSite:
    """One site as a test sees it. Everything runs in the server's thread and is safe to call from the test's."""

    __test__ = False

    def __init__(self, site: Site, server: WorldServer) -> None:
        self.site = site
        self._server = server

    @property
    def name(self) -> str:
        """The site's name, which is the first part of its paths."""
        return self.site.name

    @property
    def fhir_url(self) -> str:
        """The FHIR base, absolute, without a trailing slash."""
        return f"{self._server.url}/{self.name}{self.site.fhir_path}".rstrip("/")

    @property
    def token_url(self) -> str:
        """The token endpoint, absolute."""
        return f"{self._server.url}/{self.name}{self.site.token_path}"

    def client(self, client_id: str = "backend", scopes: str = "system/*.cruds") -> TestClient:
        """Register a Backend Services client with the public test keys."""
        made: Client = self._call(register_demo_client, self.site, client_id, scopes)
        key = read_bundled_key("client-1-ES384")
        return TestClient(made.client_id, made.scopes.text, key, self.token_url, self.fhir_url)

    def quirk(
        self,
        use: str,
        *,
        name: str = "",
        where: Mapping[str, Any] | None = None,
        when: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> str:
        """Arm a quirk or a corruption; returns the rule's name."""
        rule: dict[str, Any] = {"use": use, "where": where or {}, "when": when or {}, "with": settings}
        if name:
            rule["name"] = name
        armed: str = self._call(self.site.arm, rule)
        return armed

    def advance(self, by: str | float) -> Settled:
        """Move the site's clock forward (`30s`, `36h`); all that falls due fires in order."""
        settled: Settled = self._call(self.site.clock.advance, duration(by))
        return settled

    def journal(self, **question: Any) -> list[Exchange]:
        """Exchanges that fit the question (`Question`'s fields), oldest first."""
        asked = Question(**question)
        found: list[Exchange] = self._call(lambda: [e for e in self.site.journal if asked.matches(e)])
        return found

    def verify(self, *, at_least: int = 1, at_most: int = -1, **question: Any) -> int:
        """How often something happened; raises VerdictFailed with the nearest entries if not as wanted."""
        control = Control(self._server.threaded.server.directory)
        answer = self._call(
            control.call, "journal verify", site=self.name, at_least=at_least, at_most=at_most, **question
        )
        return int(answer["count"])

    def patient_ids(self, limit: int = 50, offset: int = 0) -> list[str]:
        """Ids of patients in index order."""
        control = Control(self._server.threaded.server.directory)
        answer = self._call(control.call, "site patients", site=self.name, limit=limit, offset=offset)
        return list(answer["ids"])

    @property
    def scorecard(self) -> Scorecard:
        """Every client's findings at this site so far, by all probes but those that need the truth."""
        return self.judge()

    def judge(self, *probes: str, truth: TruthReport | None = None) -> Scorecard:
        """Every client's findings by the named probes (all, if none is named); `truth` as from `truth.compare`."""
        scopes = {client.client_id: client.scopes.text for client in self.site.auth.clients}
        exchanges = self._call(lambda: list(self.site.journal))
        cases = cases_of(exchanges, self.name, known=Case((), truth=truth), scopes=scopes)
        return judge(cases, probes, title=self.name, seed=str(self.site.options.seed))

    @property
    def truth(self) -> Truth:
        """What this site really holds, to compare a client's records with."""
        return Truth(self)

    def _call(self, function: Any, *arguments: Any, **named: Any) -> Any:
        return self._server.threaded.call(function, *arguments, **named)


@dataclass(frozen=True, slots=True)
class Truth:
    """The clean charts of one site, as a client that made no mistake would have them."""

    _site: TestSite

    def compare(
        self, given: Iterable[JSON], *, patients: Sequence[str] = (), types: Mapping[str, str] = PATIENTS_ONLY
    ) -> TruthReport:
        """A client's records against the truth.

        `patients` are the ids that it looked after; none: all of the site, up to ALL_PATIENTS. `types` is what it was
        to sync: each resource type with the query that narrows it, or an empty text. Raises UsageError for a site
        without charts, or with too many patients to compare them all.
        """
        roster = patients or self._everybody()
        report: TruthReport = self._site._call(truth_of, self._site.site, roster, types, list(given))
        return report

    def assert_same(
        self, given: Iterable[JSON], *, patients: Sequence[str] = (), types: Mapping[str, str] = PATIENTS_ONLY
    ) -> None:
        """Raise VerdictFailed, saying what is lost, doubled or altered, unless the client has exactly the truth."""
        report = self.compare(given, patients=patients, types=types)
        if not report.ok:
            raise VerdictFailed(report.text(), remedy=f"Repeat with seed {self._site.site.options.seed}.")

    def _everybody(self) -> Sequence[str]:
        charts = self._site.site.charts
        if charts is not None and charts.size > ALL_PATIENTS:
            what = f"{self._site.name} has {charts.size} patients, too many to compare them all."
            raise UsageError(what, remedy="Say which with patients=[…], as from patient_ids().")
        return self._site.patient_ids(limit=ALL_PATIENTS)


class World:
    """The sites of one test."""

    def __init__(self, server: WorldServer, settings: Mapping[str, Any]) -> None:
        self._server = server
        self._settings = settings
        self.sites: list[TestSite] = []

    @property
    def url(self) -> str:
        """The server's address."""
        return self._server.url

    def site(self, vendor: str = "", **options: Any) -> TestSite:
        """Make a fresh site. Options as in SiteOptions; the marker's settings are the defaults."""
        given = {
            key: self._settings[key] for key in ("patients", "stepped", "seed") if key in self._settings
        } | options
        seed = given.pop("seed", 7)
        chosen = int(seed) if str(seed).lstrip("-").isdigit() else seed
        vendor = vendor or str(self._settings.get("vendor", "generic"))
        name = given.pop("name", "") or f"{vendor}-{next(self._server.numbers)}"
        site = build_site(SiteOptions(name, personality=vendor, seed=chosen, **given))
        self._server.threaded.call(self._server.threaded.server.admit, site)
        made = TestSite(site, self._server)
        self.sites.append(made)
        for rule in self._settings.get("quirks", ()):
            self._server.threaded.call(site.arm, rule if isinstance(rule, Mapping) else {"use": rule})
        return made

    def close(self) -> list[str]:
        """Take the sites away; returns `site: rule` of rules that never fired."""
        unused = []
        for made in self.sites:
            self._server.threaded.call(self._server.threaded.server.directory.remove, made.name)
            unused += [f"{made.name}: {rule.name}" for rule in made.site.rules if not rule.fired]
        return unused

    def story(self) -> str:
        """What happened at each site, newest last, for the report of a failing test."""
        lines = []
        for made in self.sites:
            options = made.site.options
            lines.append(
                f"site {made.name} ({options.personality}, {options.patients} patients, seed {options.seed})"
            )
            for exchange in list(made.site.journal)[-SHOWN:]:
                shown = entry(exchange)
                status = shown.get("reply", {}).get("status", "-")
                query = f"?{exchange.query}" if exchange.query else ""
                lines.append(
                    f"  {exchange.number:5} {exchange.channel:9} {exchange.method} {exchange.path}{query} → {status}"
                )
                lines += [f"          {d.rule}: {d.outcome} {d.why}".rstrip() for d in exchange.decisions]
        return "\n".join(lines)
