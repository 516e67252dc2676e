"""One site as a test sees it: its addresses, its clock, its quirks, its journal, its verdict and its truth."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from mockehr.auth.clients import Client
from mockehr.auth.people import User
from mockehr.control.facade import Control
from mockehr.core.clock import Settled, duration
from mockehr.core.errors import MockehrError, VerdictFailed
from mockehr.core.exchange import JSON, Exchange
from mockehr.edge.launch_lab import launch_app
from mockehr.edge.launch_record import LaunchRecord
from mockehr.journal import Question
from mockehr.scenarios.handed_back import read_parked
from mockehr.scenarios.probe import Case
from mockehr.scenarios.probes.fits_the_site import SIBLINGS
from mockehr.scenarios.scorecard import Scorecard, cases_of, judge
from mockehr.sites.character import siblings_of
from mockehr.sites.exceptions import Parked, parked_from
from mockehr.sites.expected import PATIENTS_ONLY, corrupted, everybody, truth_of
from mockehr.sites.feeds import Link
from mockehr.sites.holdings import Holding, Source, Unreadable, records_from
from mockehr.sites.launching import planned
from mockehr.sites.site import Site
from mockehr.sites.test_client import APP_SCOPES, fitting_key, register_app, register_demo_client
from mockehr.sites.told import kinds_from, told_of, watch, witness_of
from mockehr.sites.truth import TruthReport
from mockehr.sites.waiting import releasable
from mockehr.testing.audit import AuditTrail
from mockehr.testing.bulk import BulkExports
from mockehr.testing.events import SiteEvents, answered
from mockehr.testing.server import WorldServer

T = TypeVar("T")
ANSWERED_WITHIN: Final = 2.0
"""How long `advance` waits for answers to deliveries that are under way, in wall seconds."""
FED_WITHIN: Final = 15.0
"""How long `wait_for_feed` waits for a peer, in wall seconds: longer than a link waits for an acknowledgement."""


@dataclass(frozen=True, slots=True)
class TestClient:
    """Who a client under test is: everything it needs to get a token."""

    __test__ = False

    client_id: str
    scopes: str
    key: Mapping[str, str]
    """Private JWK of a public test key (ES384, or RS384 where the vendor does not take that): `dict(client.key)` for
    PyJWT's PyJWK, joserfc and others."""
    token_url: str
    fhir_url: str
    patients: tuple[str, ...] = ()
    """Whom a scenario tells it to sync."""


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
        key = fitting_key(self.site.auth.settings.assertion_algs)
        return TestClient(made.client_id, made.scopes.text, key, self.token_url, self.fhir_url)

    # launches

    def app(
        self,
        client_id: str = "app",
        redirect_uris: str | Sequence[str] = ("http://127.0.0.1/callback",),
        scopes: str = APP_SCOPES,
        *,
        secret: str = "",
        keys: bool = False,
    ) -> TestClient:
        """Register a SMART app: public, or confidential by a secret or (with `keys`) by the public test keys.

        Raises DuplicateName for a client id that is another's, UsageError for a redirect URI that is no address.
        """
        __tracebackhide__ = True
        uris = [redirect_uris] if isinstance(redirect_uris, str) else list(redirect_uris)
        made: Client = self._call(register_app, self.site, client_id, uris, scopes, secret=secret, keys=keys)
        key = fitting_key(self.site.auth.settings.assertion_algs) if keys else {}
        return TestClient(made.client_id, made.scopes.text, key, self.token_url, self.fhir_url)

    def open(self, app_url: str, **context: Any) -> str:
        """Open an app from the EHR: the address that the browser is to load, whose `launch` is good once.

        `context`: see `launch`. Raises UnknownName or UsageError for a launch that cannot be.
        """
        __tracebackhide__ = True
        return str(self._control("app open", app=app_url, address=self._server.url, **context)["url"])

    def launch(
        self,
        app_url: str,
        *,
        user: str = "clinician",
        patient: str = "",
        encounter: str = "",
        intent: str = "",
        client_id: str = "",
        context: Sequence[Any] = (),
        extras: Mapping[str, Any] | None = None,
        ask: bool = False,
        deny: bool = False,
    ) -> LaunchRecord:
        """Open an app from the EHR and drive it to its callback as a browser would; the record of every hop.

        The app has to listen somewhere else than in this test's thread. `context` are references that
        `fhirContext` tells, `extras` further members of the token response, `client_id` the only app that may use
        the launch. With `ask` the hospital's pages are shown and answered, with `deny` the user declines. What the
        app does wrong stands in the record; raises UnknownName or UsageError for a launch that cannot be.
        """
        __tracebackhide__ = True

        async def driven() -> LaunchRecord:
            launch = planned(
                self.site,
                user=user,
                patient=patient,
                encounter=encounter,
                client_id=client_id,
                intent=intent,
                context=context,
                extras=extras,
                ask=ask,
                deny=deny,
            )
            return await launch_app(self.site, launch, app_url, self._server.url, user=user, deny=deny)

        return self._run(driven())

    def approve(
        self, client_id: str, *, user: str = "clinician", patient: str = "", encounter: str = "", deny: bool = False
    ) -> None:
        """Answer standalone launches of an app ahead, so that no page is shown: who signs in, for which patient.

        Raises UnknownName or UsageError for an answer that cannot be.
        """
        __tracebackhide__ = True
        self._control("approval add", client_id=client_id, user=user, patient=patient, encounter=encounter, deny=deny)

    @property
    def users(self) -> list[User]:
        """Who can sign in, `clinician` first."""
        return list(self._call(lambda: list(self.site.auth.users)))

    # misbehaviour and time

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
        __tracebackhide__ = True
        rule: dict[str, Any] = {"use": use, "where": where or {}, "when": when or {}, "with": settings}
        if name:
            rule["name"] = name
        armed: str = self._call(self.site.arm, rule)
        return armed

    @property
    def now(self) -> float:
        """The site's time in seconds since 1970 UTC."""
        at: float = self._call(self.site.clock.now)
        return at

    def advance(self, by: str | float) -> Settled:
        """Move the site's clock forward (`30s`, `36h`); all that falls due fires in order.

        Webhooks that are under way are answered first (up to ANSWERED_WITHIN): their retries belong on the clock.
        """
        if self.site.outbox.lanes:
            self._server.threaded.run(answered(self.site, ANSWERED_WITHIN))
        settled: Settled = self._call(self.site.clock.advance, duration(by))
        return settled

    def freeze(self) -> None:
        """Stop the site's clock where it stands; from now on only `advance` moves it."""
        self._control("clock freeze")

    def run(self, scale: float = 1.0) -> None:
        """Let the site's clock follow the wall clock, `scale` times as fast; raises ValueError unless positive."""
        self._control("clock run", scale=scale)

    def webhook(
        self,
        url: str,
        *,
        name: str = "",
        secret: str = "",
        resources: Sequence[str] = (),
        topics: Sequence[str] = (),
        payload: str = "id-only",
        form: str = "mockehr",
        signing: str = "",
        ladder: Sequence[str] = (),
        **settings: Any,
    ) -> str:
        """Tell the receiver at `url` of changes from now on; returns the webhook's name.

        With a `secret` deliveries are signed, as the form does it or `signing` says (`mockehr.events.sign`).
        `resources` are types (none: all), `topics` events such as `encounter-start`, `payload` is `empty`, `id-only`
        or `full`, `form` how it is written, `ladder` the waits before each retry, on the site's clock. Other
        `settings` are those of deliveries: `order="fifo"`, `accepts="200,202"`, `timeout="2s"` …
        """
        name = name or f"hook-{len(self.site.outbox.lanes) + 1}"
        self._control(
            "webhook add",
            name=name,
            url=url,
            secret=secret,
            resources=",".join(resources),
            topics=",".join(topics),
            payload=payload,
            form=form,
            signing=signing,
            ladder=",".join(ladder),
            more=settings,
        )
        return name

    @property
    def events(self) -> SiteEvents:
        """What the endpoints are told: `send`, `replay`, `wait`, `told`, `dead`."""
        return SiteEvents(self)

    @property
    def audit(self) -> AuditTrail:
        """Who accessed what: `accesses`, `events`, `assert_accessed`, `assert_not_accessed`."""
        return AuditTrail(self.site, self._call)

    @property
    def bulk(self) -> BulkExports:
        """What can be exported: `export`, `assert_exported`, `groups`, `jobs`."""
        return BulkExports(self.site, self._call)

    def feed(self, name: str, port: int, host: str = "127.0.0.1", **settings: Any) -> str:
        """Send the site's changes as HL7 messages to a peer from now on; returns the feed's name.

        `settings` are those of a link in a server file: `messages=["ADT^*"]`, `settings={"dialect": "epic"}` …
        """
        self._control("hl7 add-link", name=name, port=port, host=host, more=settings)
        return name

    def wait_for_feed(self, name: str, timeout: float = FED_WITHIN) -> int:
        """Wait until the feed's peer has answered all that can go over it now; returns how many messages still wait.

        Those wait for the clock (a retry, a batch) or for a stopped feed to be resumed. Raises VerdictFailed where
        the peer is still asked when `timeout` wall seconds are over, and UnknownName.
        """
        __tracebackhide__ = True
        link: Link = self._call(self.site.links.get, name)
        self._server.threaded.run(_fed(self.site, link, within=timeout))
        if _goes_on(link):
            counts = f"{link.in_flight} under way, {link.waiting} behind them"
            raise VerdictFailed(
                f"After {timeout:g} s {name} still waits for its peer: {counts}.",
                remedy="Let the receiver read and acknowledge, or give a longer timeout.",
            )
        return link.waiting

    def hl7(self, message: str | bytes, listener: str = "") -> bytes:
        """What the site answers to an HL7 message, both unframed, without any socket; empty if it says nothing."""
        octets = message.encode() if isinstance(message, str) else message

        def take() -> bytes:
            path = self.site.listeners.named(listener).path if listener else "/"
            reply = self.site.handle(Exchange("mllp-in", "SEND", path, body=octets, peer="test")).reply
            return reply.body if reply is not None else b""

        answer: bytes = self._call(take)
        return answer

    def pathway(self, name: str, *, patient: str = "", **persons: Mapping[str, Any]) -> int:
        """Let somebody go through a pathway from now on, on the site's clock; returns the number of the run.

        `patient` is the id of who it is (empty: somebody), `persons` have settings by the pathway's names for them:
        `main={"family": "Smith"}`.
        """
        answer = self._control("pathway start", name=name, patient=patient, person=persons)
        return int(answer["run"])

    def pathways(self, *names: str, rate: str = "20/h") -> None:
        """Let patients come at a rate from now on (`0`: none any more), by these pathways (none named: by all)."""
        self._control("pathway rate", rate=rate, use=",".join(names or ("all",)))

    def journal(self, **question: Any) -> list[Exchange]:
        """Exchanges that fit the question (`Question`'s fields), oldest first."""
        asked = Question(**question)
        found: list[Exchange] = self._call(lambda: [e for e in self.site.journal if asked.matches(e)])
        return found

    def verify(self, *, at_least: int = 1, at_most: int = -1, **question: Any) -> int:
        """How often something happened; raises VerdictFailed with the nearest entries if not as wanted."""
        __tracebackhide__ = True
        answer = self._control("journal verify", at_least=at_least, at_most=at_most, **question)
        return int(answer["count"])

    def patient_ids(self, limit: int = 50, offset: int = 0) -> list[str]:
        """Ids of patients in index order."""
        answer = self._control("site patients", limit=limit, offset=offset)
        return list(answer["ids"])

    @property
    def scorecard(self) -> Scorecard:
        """Every client's findings at this site so far, by all probes but those that need the truth."""
        return self.judge()

    def judge(self, *probes: str, truth: TruthReport | None = None) -> Scorecard:
        """Every client's findings by the named probes (all, if none is named); `truth` as from `truth.compare`."""
        scopes = {client.client_id: client.scopes.text for client in self.site.auth.clients}
        exchanges = self._call(lambda: list(self.site.journal))
        siblings = self._call(lambda: siblings_of(self.site, self._server.threaded.server.directory))
        known = Case((), truth=truth, expected={SIBLINGS: siblings})
        cases = cases_of(exchanges, self.name, known=known, scopes=scopes)
        return judge(cases, probes, title=self.name, seed=str(self.site.options.seed))

    @property
    def truth(self) -> Truth:
        """What this site really holds, to compare a client's records with."""
        return Truth(self)

    def _control(self, operation: str, **arguments: Any) -> Any:
        __tracebackhide__ = True
        control = Control(self._server.threaded.server.directory)
        return self._call(control.call, operation, site=self.name, **arguments)

    def _run(self, work: Awaitable[T]) -> T:
        __tracebackhide__ = True
        try:
            return self._server.threaded.run(work)
        except MockehrError as error:
            raise error.with_traceback(None) from None

    def _call(self, function: Any, *arguments: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        try:
            return self._server.threaded.call(function, *arguments, **named)
        except MockehrError as error:
            # Told for people: how it came through our threads and loops would only hide the test's own line.
            raise error.with_traceback(None) from None


@dataclass(frozen=True, slots=True)
class Truth:
    """The clean charts of one site, as a client that made no mistake would have them."""

    _site: TestSite

    def corrupted(self, name: str) -> list[str]:
        """Ids of all patients that the armed corruption touches; exact, and no chart is drawn for it.

        Raises UnknownName if no such corruption is armed.
        """
        touched: list[str] = self._site._call(lambda: list(corrupted(self._site.site, name)))
        return touched

    def compare(
        self,
        given: Source,
        *,
        patients: Sequence[str] = (),
        types: Mapping[str, str] = PATIENTS_ONLY,
        mapping: str | Path | None = None,
        parked: str | Path | Iterable[Any] = (),
    ) -> TruthReport:
        """A client's records against the truth.

        `given` are resources, a function that returns them, a file or folder of NDJSON or Bundles, or with a
        `mapping` (a YAML file) a CSV file or the URL of a database. `parked` is what the client set aside: a file of
        NDJSON, or objects as its lines. `patients` are the ids that it looked after; none: everybody, up to 10 000.
        `types` is what it was to sync: each resource type with the query that narrows it, or an empty text. Raises
        UsageError for a site without charts, or with too many patients to compare them all.
        """
        __tracebackhide__ = True
        roster = patients or self._site._call(everybody, self._site.site)
        holdings = list(records_from(given, mapping))  # here, since a database wants its own thread
        aside, wrong = _set_aside(parked)
        report: TruthReport = self._site._call(truth_of, self._site.site, roster, types, holdings + wrong, aside)
        return report

    def watch(self, link: str) -> None:
        """Note from now on what an HL7 feed of the site tells, as it was meant."""
        self._site._call(lambda: watch(self._site.site, self._site.site.links.get(link)))

    def told(self, link: str, *kinds: str) -> list[JSON]:
        """What the receiver of a watched feed must have, in records of `mockehr.hl7.witness`, of KINDS there."""
        found: list[JSON] = self._site._call(
            lambda: list(witness_of(self._site.site, link).records(kinds_from(kinds)))
        )
        return found

    def compare_told(self, link: str, given: Iterable[JSON], *kinds: str) -> TruthReport:
        """What the receiver of a watched feed has against what it must have."""
        report: TruthReport = self._site._call(told_of, self._site.site, link, list(given), kinds)
        return report

    def assert_told(self, link: str, given: Iterable[JSON], *kinds: str) -> None:
        """Raise VerdictFailed, saying what is lost, doubled or altered, unless the receiver has what it must have."""
        __tracebackhide__ = True
        report = self.compare_told(link, given, *kinds)
        if not report.ok:
            raise VerdictFailed(report.text(), remedy=f"Repeat with seed {self._site.site.options.seed}.")

    def assert_same(
        self,
        given: Source,
        *,
        patients: Sequence[str] = (),
        types: Mapping[str, str] = PATIENTS_ONLY,
        mapping: str | Path | None = None,
        parked: str | Path | Iterable[Any] = (),
    ) -> None:
        """Raise VerdictFailed, saying what is lost, doubled or altered, unless the client has exactly the truth.

        What it parked is not lost. Arguments: as `compare` takes them.
        """
        __tracebackhide__ = True
        report = self.compare(given, patients=patients, types=types, mapping=mapping, parked=parked)
        if not report.ok:
            raise VerdictFailed(report.text(), remedy=f"Repeat with seed {self._site.site.options.seed}.")


def _set_aside(parked: str | Path | Iterable[Any]) -> tuple[list[Parked], list[Holding]]:
    """What was parked, and what is wrong with how that was told."""
    if isinstance(parked, str | Path):
        found, wrong = read_parked(Path(parked))
        return found, [*wrong]
    every = list(parked_from((f"parked {number}", one) for number, one in enumerate(parked, 1)))
    bad = [Unreadable("", one) for one in every if isinstance(one, str)]
    return [one for one in every if isinstance(one, Parked)], [*bad]


def _goes_on(link: Link) -> bool:
    """Whether the peer is being asked, or will be at once: nothing but the peer is waited for."""
    if link.in_flight:
        return True
    if link.stopped or link.resting or link.pause is not None:
        return False
    first = [link.ready[place] for place in range(releasable(link))]
    return any(e.effects is None or not e.effects.packed or "alone" in e.notes for e in first)


async def _fed(site: Site, link: Link, *, within: float) -> None:
    """Wait until nothing more goes over the link by itself, or time is up."""
    quiet, before = asyncio.Event(), site.links.settled

    def settled(one: Link, exchange: Exchange) -> None:
        before(one, exchange)
        if not _goes_on(link):
            quiet.set()

    if not _goes_on(link):
        return
    site.links.settled = settled
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(quiet.wait(), within)
    finally:
        site.links.settled = before
