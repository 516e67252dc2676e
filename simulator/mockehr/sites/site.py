"""A Site is a world: one hospital's EHR with everything that is its own. Nothing is shared between sites."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from mockehr.auth.addresses import Addresses
from mockehr.auth.server import AuthServer
from mockehr.auth.tokens import TokenFault, bearer_of
from mockehr.core.chance import Chance
from mockehr.core.changes import ChangeLog
from mockehr.core.clock import Clock
from mockehr.core.exchange import JSON, Channel, Exchange
from mockehr.core.page import SearchPage
from mockehr.core.pipeline import Pipeline
from mockehr.events import Event, Hook, Outbox
from mockehr.events.changed import ChangedFeeds
from mockehr.fhir.bulk import Desk, ImportDesk
from mockehr.fhir.record import Record
from mockehr.fhir.server import FhirServer
from mockehr.fhir.store import Store
from mockehr.hl7.dialect import Dialect
from mockehr.journal import Journal
from mockehr.personalities.model import Personality, SiteFacts
from mockehr.personalities.variance import Drawn
from mockehr.population.corruption.base import Infection, corruptions
from mockehr.population.presets import preset
from mockehr.quirks.apply import Mischief
from mockehr.quirks.rule import Rule, quirks, rule_from
from mockehr.sites import meddling
from mockehr.sites.charts import Charts
from mockehr.sites.claims import claimed
from mockehr.sites.media import Media
from mockehr.sites.options import SiteOptions

if TYPE_CHECKING:
    from mockehr.sites.audit import AuditTrail
    from mockehr.sites.budgets import Budgets
    from mockehr.sites.endpoints import Endpoints
    from mockehr.sites.fronting import Front
    from mockehr.sites.links import Links
    from mockehr.sites.listeners import Listeners
    from mockehr.sites.pathway_runs import PathwayRuns
    from mockehr.sites.snapshot import Snapshots
    from mockehr.sites.subscriptions import Subscriptions
    from mockehr.sites.upgrades import Upgrades


class Site:
    """One hospital. Built by `mockehr.sites.build.build_site`; the attributes are its parts, wired together there."""

    options: SiteOptions
    clock: Clock
    chance: Chance
    personality: Personality
    upgrades: Upgrades
    """Which releases of the vendor's product it was given, and which are to come."""
    media: Media
    facts: SiteFacts
    drawn: Drawn
    """What this hospital chose among what hospitals of its vendor choose, and its environment."""
    journal: Journal
    audit: AuditTrail
    """The journal as accesses: whose records were asked for, by whom."""
    log: ChangeLog
    charts: Charts | None
    """The computed base; None for a site that only knows what was imported or written, or that replays a tape."""
    store: Store
    auth: AuthServer
    endpoints: Endpoints
    fhir: FhirServer
    budgets: Budgets
    """What clients may do in a time, and did."""
    bulk: Desk
    """Where exports are ordered, asked after and fetched."""
    imports: ImportDesk
    """Where imports are ordered and asked after."""
    mischief: Mischief
    outbox: Outbox
    subscriptions: Subscriptions
    """The FHIR Subscriptions that are stored, each an endpoint of the outbox."""
    changed: ChangedFeeds
    """What clients that poll have still to be told."""
    pipelines: Mapping[Channel, Pipeline]
    perform: Callable[[Exchange], None]
    """What stands behind stage `perform` of channel `fhir`: the simulator, or a tape."""
    snapshots: Snapshots
    dialect: Dialect
    """How this site writes HL7 v2."""
    links: Links
    listeners: Listeners
    front: Front | None
    """What stands behind it; None for a hospital's own system."""
    open_access: bool
    trail: bool

    def __init__(self, options: SiteOptions) -> None:
        self.options = options
        self.base_url = ""
        """Absolute URL of the FHIR base where the site is served, without a trailing slash; empty while it is not."""
        self.name = options.name
        self.trail = options.trail
        self.pipelines = {}
        self._pathways: PathwayRuns | None = None
        self._date: tuple[int, tuple[str, str]] = (-1, ("Date", ""))

    @property
    def fhir_path(self) -> str:
        """The FHIR base below the site's root, as the vendor shapes it."""
        return self.personality.fhir_path(self.facts)

    @property
    def token_path(self) -> str:
        """The token endpoint below the site's root."""
        return self.personality.token_path(self.facts)

    @property
    def jwks_path(self) -> str:
        """The key set below the site's root."""
        return self.personality.jwks_path(self.facts)

    @property
    def pathways(self) -> PathwayRuns:
        """The patients' journeys that run here; made when first asked for, since most sites have none."""
        if self._pathways is None:
            from mockehr.sites.pathway_runs import PathwayRuns

            self._pathways = PathwayRuns(self)
        return self._pathways

    def addresses(self, base_url: str) -> Addresses:
        """Where everything is, for a client that addressed the FHIR base as `base_url`."""
        return self.endpoints.addresses(base_url)

    def handle(self, exchange: Exchange) -> Exchange:
        """Run an exchange through its pipeline in memory, without any waiting."""
        return self.pipelines[exchange.channel].run(exchange)

    def date(self, ahead: float = 0.0) -> tuple[str, str]:
        """The `Date` header (RFC 9110 section 6.6.1) by the site's clock, or by one that is some seconds ahead."""
        second = int(self.clock.now() + ahead)
        if second != self._date[0]:
            self._date = second, ("Date", formatdate(second, usegmt=True))
        return self._date[1]

    def smart_configuration(self, base_url: str) -> JSON:
        """The discovery document for a client that addressed the FHIR base as `base_url`."""
        document = self.auth.smart_configuration(self.addresses(base_url))
        return self.personality.smart_configuration(document, self.facts, base_url)

    # misbehaviour

    def arm(self, settings: Mapping[str, Any]) -> str:
        """Arm a quirk or corruption by plain settings (`use`, `name`, `where`, `when`, `with`); returns its name."""
        use = str(settings.get("use", ""))
        if use in corruptions() and use not in quirks():
            return self._infect(use, settings)
        return self.mischief.arm(rule_from(settings)).name

    def disarm(self, name: str) -> None:
        """Take a rule or a corruption away."""
        if self.charts is not None and name in self.charts.infections:
            self.charts.cure(name)
        else:
            self.mischief.disarm(name)

    @property
    def rules(self) -> list[Rule]:
        """Armed rules in order of arming."""
        return list(self.mischief.rules.values())

    def _infect(self, use: str, settings: Mapping[str, Any]) -> str:
        from mockehr.sites.build import infection_from

        infection: Infection = infection_from(self, use, settings)
        assert self.charts is not None
        self.charts.infect(infection)
        return infection.name

    def dirty(self) -> None:
        """Let the charts have what the site's preset and its environment do to them."""
        chosen = preset(self.options.dirt) if self.options.dirt else ()
        if self.charts is None:
            return
        for told in (*chosen, *self.drawn.corruptions):
            if told["use"] not in self.charts.infections:
                self._infect(str(told["use"]), told)

    # what a quirk may do to its site (mockehr.quirks.base.World)

    def expire_tokens(self, client: str = "") -> int:
        """End all tokens (of one client) now."""
        return self.auth.expire_all(client or None)

    def client_of(self, authorization: str) -> str:
        """The client whose token, alive or dead, an Authorization header carries, or the empty string."""
        found = self.auth.tokens.look_up(bearer_of(authorization))
        grant = found.grant if isinstance(found, TokenFault) else found
        return grant.client_id if grant is not None else ""

    def claimant(self, exchange: Exchange) -> str:
        """Who says to ask, unverified; empty if nobody does."""
        return exchange.client or claimed(exchange) or self.client_of(exchange.headers.get("authorization", ""))

    def age_of(self, authorization: str) -> float | None:
        """For how many seconds the token of an Authorization header has been working; None if it does not work."""
        found = self.auth.look_up(bearer_of(authorization))
        return None if isinstance(found, TokenFault) else self.clock.now() - found.issued_at

    def revoke_tokens(self, *, client: str = "", authorization: str = "", renewals: bool = False) -> int:
        """Revoke one token, those of one client, or all; returns how many worked."""
        if renewals:
            self.auth.renewals.end_all(self.clock.now(), client)
        if authorization:
            return int(self.auth.revoke(bearer_of(authorization)))
        return self.auth.tokens.revoke_all(client or None)

    def end_renewal(self, refresh_token: str, *, family: bool) -> bool:
        """Let a refresh token be over, with `family` the access tokens beside it too; False if it was not good."""
        now = self.clock.now()
        held = self.auth.renewals.family_of(refresh_token, now)
        if held is None:
            return False
        if family:
            self.auth.renewals.end(held.grant.family)
        else:
            self.auth.drawers["families"].take(held.grant.family, now)
        return True

    def rotate_signing_keys(self, *, keep_previous: bool) -> None:
        """Sign with new keys from now on; the previous ones stay published or not."""
        self.auth.signing_keys.rotate(keep_previous=keep_previous)

    def expire_page(self, token: str, at: float) -> None:
        """Let the paging session behind `token` end at that time."""
        session = self.fhir.pages.get(token)
        if session is not None:
            session.expires = at

    def other_patient(self, patient: str) -> str:
        """The first patient listed that is not that one."""
        return next((one.id for one in self.auth.door.charts.patients("", 3) if one.id != patient), "")

    def encounter_of(self, patient: str) -> str:
        """That patient's latest encounter."""
        return next((one.id for one in self.auth.door.charts.encounters(patient, 1)), "")

    def forget_launch(self, handle: str) -> bool:
        """End the launch of that handle."""
        return self.auth.launches.take(handle, self.clock.now()) is not None

    def forget_code(self, code: str) -> bool:
        """End an authorization code, as if its time were over."""
        return self.auth.drawers["codes"].take(code, self.clock.now()) is not None

    def page_address(self, name: str, base_url: str) -> str:
        """See `mockehr.sites.endpoints.Endpoints.page`."""
        return self.endpoints.page(name, base_url)

    def draw(self, *names: str | int) -> float:
        """In [0, 1), by the seed and those names."""
        return self.chance.draw("quirk", *names)

    def versions_of(self, resource_type: str, id: str) -> Sequence[Record]:
        """All versions of a resource, oldest first; none of one that was never written here."""
        return meddling.versions_of(self, resource_type, id)

    def cut(self, record: Record, resource_type: str, query: str, *, included: bool = False) -> bytes | JSON:
        """What a query's `_summary` and `_elements` leave of a record."""
        return meddling.cut(self, record, resource_type, query, included=included)

    def found_by(self, exchange: Exchange, query: str) -> Any:
        """What the search of an exchange finds with another query."""
        return meddling.found_by(self, exchange, query)

    def page_again(self, page: SearchPage) -> str:
        """A token that leads to that page once more."""
        return meddling.page_again(self, page)

    def write_over(self, resource_type: str, id: str, elements: JSON) -> bool:
        """Commit a version with those elements as somebody else at the hospital."""
        return meddling.write_over(self, resource_type, id, elements)

    def secret_of(self, endpoint: str) -> str:
        """What events to an endpoint are signed with, if they are."""
        lane = self.outbox.lanes.get(endpoint)
        return lane.hook.secret if lane is not None else ""

    def rotate_secret(self, endpoint: str, secret: str, *, keep_old: bool) -> Hook:
        """Sign for an endpoint with another secret from now on."""
        return meddling.rotate_secret(self, endpoint, secret, keep_old=keep_old)

    def switch_off(self, endpoint: str, why: str) -> None:
        """Tell an endpoint nothing more."""
        meddling.switch_off(self, endpoint, why)

    def skip_event_numbers(self, endpoint: str, events: Sequence[Event], count: int) -> tuple[Event, ...]:
        """Let those events and all that follow have higher numbers."""
        return meddling.skip_event_numbers(self, endpoint, events, count)

    def replay_delivery(self, exchange: Exchange, after: float) -> None:
        """Send what was just written to an endpoint again after so many seconds, to the octet."""
        meddling.replay_delivery(self, exchange, after)

    def close(self) -> None:
        """Let go of the files that it holds; its store cannot be asked afterwards. May be called twice."""
        self.store.close()
        self.links.close()
        self.outbox.close()

    def reset(self) -> None:
        """Back to the first moment: written state, tokens, pages, rules, journal and outbox are gone."""
        self.store.clear()
        self.log.clear()
        self.fhir.pages.reset()
        self.fhir.idempotency.clear()
        self.bulk.clear()
        self.imports.clear()
        self.auth.clear()
        self.mischief.clear()
        self.budgets.clear()
        if self.charts is not None:
            for name in list(self.charts.infections):
                self.charts.cure(name)
            self.dirty()
        self.subscriptions.rebuild()
        self.outbox.reset()
        self.changed.reset()
        self.links.reset()
        self.listeners.reset()
        self.clock.clear()
        self.journal.clear()
        if self.front is not None:
            self.front.begin()
        if self._pathways is not None:
            self._pathways.reset()
