"""Sites that stand in front of others: who stands before whom, and how one asks another in memory.

A site with `fronts` names the sites behind it. `Frontings` (of a directory) joins them as sites come and go, in
whatever order; a site that went is `gone` for those in front until one of its name comes again. A `Connection` is one
pair: it asks the site behind through that site's own pipelines, so that both journals have an entry and the quirks
that are armed behind show in front.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from mockehr.auth.clients import Client
from mockehr.auth.scopes import Scopes
from mockehr.auth.tokens import Grant, TokenFault
from mockehr.core.changes import Change
from mockehr.core.errors import UnknownName, UsageError
from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.core.pipeline import Stage
from mockehr.core.problem import Problem
from mockehr.events.keeper import NoKeeper
from mockehr.personalities.behind import NO_HEADERS, Answer, Platform
from mockehr.personalities.links import ADDRESSES
from mockehr.sites.feeds import Link
from mockehr.sites.interposing import Carrier
from mockehr.sites.proprietary import SiteRecords

if TYPE_CHECKING:
    from mockehr.sites.site import Site

SCOPES: Final = "system/*.cruds"
"""What a platform may do at a site behind, unless a client of its name is registered there with less."""
LIFETIME: Final = 3600
"""Seconds for which a token of it is good."""
KEPT: Final = 50_000
"""Changes of a site behind that are remembered."""
REFERENCE: Final = 'simulator/README.md, "Sites in front of sites"'


class Connection:
    """`mockehr.personalities.behind.Behind` of one site in front and one behind, which may be gone."""

    def __init__(self, front: Site, name: str) -> None:
        self.front = front
        self.name = name
        self.site: Site | None = None
        self._token = ""
        self._registered = False
        self._carriers: list[Carrier] = []
        self.heard = 0
        self._heard: deque[tuple[int, Change]] = deque(maxlen=KEPT)

    @property
    def there(self) -> bool:
        """See Behind."""
        return self.site is not None

    @property
    def base(self) -> str:
        """See Behind."""
        return "" if self.site is None else base_of(self.site)

    @property
    def records(self) -> SiteRecords | None:
        """See Behind."""
        return None if self.site is None else SiteRecords(self.site)

    def join(self, site: Site) -> None:
        """The site behind is there: register with it, and hear what it has to tell."""
        self.site, self._token = site, ""
        self.forget()
        if site.auth.clients.find(self.front.name) is None:
            site.auth.clients.add(Client(self.front.name, Scopes.parse(SCOPES), name=self.front.personality.title))
            self._registered = True
        if self.front.personality.settings["front"]["hl7"]:
            self._connect(site)

    def leave(self) -> None:
        """The site behind, or the one in front, is taken away."""
        site, self.site = self.site, None
        if site is None:
            return
        for carrier in self._carriers[1:]:
            carrier.end()
            site.links.bearers.remove(carrier)
            site.links.remove(carrier.link.name)
        del self._carriers[1:]
        if self._registered and site.auth.clients.find(self.front.name) is not None:
            site.auth.clients.remove(self.front.name)
        self._registered = False

    def open_link(self) -> None:
        """Of an interface engine: the link on which messages wait for the site behind, whether it is there or not."""
        front, told = self.front, self.front.personality.settings["front"]
        link = front.links.links.get(self.name) or front.links.add(Link(self.name, "", 0, inner=True))
        link.inner = True
        late, reads = str(told["late_ack"]), str(told["reads"])
        carrier = Carrier(front, link, lambda: self.site, f"/{front.name}", late=late, reads=reads)
        self._carriers.insert(0, carrier)
        front.links.bearers.append(carrier)

    def _connect(self, site: Site) -> None:
        """Let the site behind tell the engine what it has to tell, and have what waits for it."""
        if not self._carriers:
            self.open_link()
        link = site.links.links.get(self.front.name)
        if link is None:
            link = site.links.add(Link(self.front.name, "", 0, inner=True))
        link.inner = True
        carrier = Carrier(site, link, lambda: self.front, f"/{self.name}")
        self._carriers.append(carrier)
        site.links.bearers.append(carrier)
        self._carriers[0].carry()

    def hear(self, change: Change) -> None:
        """A change of the site behind: what the platform's own webhooks tell of it."""
        front, vendor = self.front, self.front.personality
        assert isinstance(vendor, Platform)
        now = front.clock.now()
        self.heard += 1
        self._heard.append((self.heard, change))
        at = vendor.tells(change, now)
        if at is not None and at <= now:
            front.outbox.hear(change)
        elif at is not None:
            front.clock.schedule(at, lambda: front.outbox.hear(change), f"tell of change {change.number}")

    def changes(self, after: int) -> list[Change]:
        """See Behind."""
        return [change for number, change in self._heard if number > after]

    def forget(self) -> None:
        """What was heard is over: the site in front is as new."""
        self._heard.clear()

    def ask(
        self,
        exchange: Exchange,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        patience: float = 0.0,
    ) -> Answer:
        """See Behind."""
        site = self.site
        if site is None:
            return self._noted(exchange, Answer(self.name, why="gone"))
        asked = self._asked(site, exchange, method, target, body, headers)
        if asked.reply is not None and asked.reply.status == 401 and self._token:
            self._token = ""  # it was ended, or is over: once more with another, as any client does
            self._noted(exchange, _answer(site, asked, 0.0))
            asked = self._asked(site, exchange, method, target, body, headers)
        answer = self._noted(exchange, _answer(site, asked, patience))
        if answer.delay:
            exchange.effect().reply_delay += answer.delay
        exchange.returned += tuple(one for one in asked.returned if one not in exchange.returned)
        exchange.patient = exchange.patient or asked.patient
        return answer

    def hand(self, exchange: Exchange, message: bytes, path: str = "/") -> Answer:
        """See Behind."""
        site = self.site
        if site is None:
            return self._noted(exchange, Answer(self.name, why="gone"))
        handed = Exchange("mllp-in", "SEND", path, body=message, peer=self.front.name)
        handed.notes["front"] = {"site": self.front.name, "entry": exchange.number}
        site.handle(handed)
        return self._noted(exchange, _answer(site, handed, 0.0))

    def _asked(
        self, site: Site, exchange: Exchange, method: str, target: str, body: bytes, headers: Mapping[str, str]
    ) -> Exchange:
        path, _, query = target.partition("?")
        told = {"accept": "application/fhir+json"} | dict(headers)
        told["authorization"] = f"Bearer {self._bearer(site)}"
        if body and "content-type" not in told:
            told["content-type"] = "application/fhir+json"
        asked = Exchange("fhir", method, path, query, told, body, base_url=base_of(site), peer=self.front.name)
        asked.notes["front"] = {"site": self.front.name, "entry": exchange.number}
        return site.handle(asked)

    def _bearer(self, site: Site) -> str:
        """A token of the client that is called like the site in front; a new one where there is none that works."""
        if self._token and not isinstance(site.auth.look_up(self._token), TokenFault):
            return self._token
        if not self._token or not _ended(site, self._token):
            client, now = site.auth.clients.find(self.front.name), site.clock.now()
            if client is None or not client.is_active(now):
                return ""
            draft = Grant(client.client_id, client.scopes, now, now + LIFETIME, LIFETIME)
            self._token = site.auth.tokens.issue(draft, token_url=site.addresses(base_of(site)).token).token
        return self._token

    def _noted(self, exchange: Exchange, answer: Answer) -> Answer:
        told = {"site": self.name, "entry": answer.entry, "status": answer.status}
        exchange.notes.setdefault("behind", []).append(told | ({"why": answer.why} if answer.why else {}))
        return answer


def _ended(site: Site, token: str) -> bool:
    """Whether a token is one that the client still takes for good: it was revoked, or is over before its time."""
    found = site.auth.look_up(token)
    return (
        isinstance(found, TokenFault)
        and found.grant is not None
        and found.grant.issued_at + found.grant.announced > site.clock.now()
    )


def base_of(site: Site) -> str:
    """The FHIR base by which a site is asked from in front: where it is served, if it is."""
    return site.base_url or f"https://{site.name}.example.org{site.fhir_path.rstrip('/')}"


def _answer(site: Site, asked: Exchange, patience: float) -> Answer:
    """What reached the platform of what a site behind answered, wire effects included."""
    effects, reply = asked.effects, asked.reply
    assert reply is not None
    delay = effects.arrival_delay + effects.reply_delay if effects is not None else 0.0
    if effects is not None and effects.drip is not None:
        size, pause = effects.drip
        delay += pause * (len(reply.body) // size)
    if patience and delay > patience:
        return Answer(site.name, delay=patience, why="timeout", entry=asked.number)
    if effects is not None and (effects.lost or effects.stall or effects.reset == "before"):
        return Answer(site.name, delay=delay, why="lost", entry=asked.number)
    if effects is not None and (effects.reset or effects.cut_at is not None):
        return Answer(site.name, delay=delay, why="cut", entry=asked.number)
    base = base_of(site)
    bases = {base} | {write(base) for write in ADDRESSES.values()}
    ordered = tuple(sorted(bases, key=lambda one: (-len(one), one)))
    return Answer(site.name, reply.status, tuple(reply.headers), reply.body, delay, "", asked.number, ordered)


class Front:
    """What a site in front has behind it, in the order in which it names them."""

    def __init__(self, site: Site) -> None:
        self.behind = tuple(Connection(site, name) for name in site.options.fronts)
        self._site = site
        self._records = SiteRecords(site)
        self.passes_hl7 = bool(site.personality.settings["front"]["hl7"])
        """Whether HL7 v2 goes through it, to the sites behind and from them."""
        if self.behind:
            site.outbox.open_keeper = NoKeeper  # whose events are about what lies in another site's store

    def open(self) -> None:
        """Have what has to be there before the sites behind are."""
        for connection in self.behind if self.passes_hl7 else ():
            connection.open_link()
        self.begin()

    def begin(self) -> None:
        """Begin what the platform does by itself, when the site is built and when it was reset."""
        for connection in self.behind:
            connection.forget()
        if self.behind:
            self.platform.begin(self._records)
            for name, seconds in self.platform.rounds.items():
                self._plan(name, seconds)

    def _plan(self, name: str, seconds: float) -> None:
        clock = self._site.clock

        def go() -> None:
            if self.platform.has_to(name, self._records):
                self.go_round(name)
            self._plan(name, seconds)

        clock.schedule(clock.now() + seconds, go, f"{name} of {self._site.name}")

    def go_round(self, name: str) -> Exchange:
        """Do now what the platform does by itself from time to time; its entry."""
        site = self._site
        exchange = Exchange("upstream", "ROUND", f"/{name}", direction="out", interaction=Interaction(name))
        site.journal.open(exchange)
        self.platform.go_round(name, exchange, self._records)
        exchange.reply = exchange.reply or Reply(200)
        site.journal.close(exchange)
        return exchange

    @property
    def platform(self) -> Platform:
        """The personality of the site in front."""
        vendor = self._site.personality
        assert isinstance(vendor, Platform)
        return vendor

    def entering(self, opened: Stage) -> Stage:
        """Stage `open_entry` of channel `fhir`, with the platform's own part of the path taken off afterwards."""

        def open_entry(exchange: Exchange) -> None:
            opened(exchange)
            if exchange.result is None and not self.platform.offers_fhir:
                exchange.result = Problem(404, "type-unknown", f"{self.platform.title} has no FHIR")
            elif exchange.result is None:
                self.platform.enter(exchange, self.behind)

        return open_entry

    def perform(self, exchange: Exchange) -> None:
        """Stage `perform` of channel `fhir`."""
        exchange.result = self.platform.relay(exchange, self._records)


def front_of(site: Site) -> Front | None:
    """What a site has behind it; None for a hospital's own system. Raises UsageError where that cannot be."""
    names = site.options.fronts
    if not isinstance(site.personality, Platform):
        if names:
            raise UsageError(
                f"The site {site.name} is to stand in front of {', '.join(names)}, and {site.personality.name} stands"
                " in front of nothing.",
                remedy="Give it the personality of a platform, such as redox or mirth.",
                reference=REFERENCE,
            )
        return None
    if site.name in names or len(set(names)) < len(names):
        raise UsageError(
            f"The site {site.name} is to stand in front of {', '.join(names)}.",
            remedy="Name each site behind once, and not the site itself.",
            reference=REFERENCE,
        )
    return Front(site)


class Frontings:
    """All connections among the sites of a directory."""

    def __init__(self) -> None:
        self._sites: dict[str, Site] = {}
        self._heard: WeakSet[Site] = WeakSet()
        """Sites with a listener of ours, which stays theirs when they leave and come again."""

    def joined(self, site: Site) -> None:
        """Join a site with those behind it and in front of it that are there. Raises UsageError for a circle."""
        self._refuse_circle(site)
        self._sites[site.name] = site
        for connection in self._connections():
            behind = self._sites.get(connection.name)
            if behind is not None and connection.site is None and site in (behind, connection.front):
                connection.join(behind)
                self._listen(behind)

    def left(self, site: Site) -> None:
        """A site is taken away: it is gone for those in front, and those behind hear of it no more."""
        for connection in list(self._connections()):
            if site in (connection.site, connection.front):
                connection.leave()
        self._sites.pop(site.name, None)

    def check(self) -> None:
        """Raise UnknownName for a site behind that is not there, UsageError for a platform in front of nothing."""
        for site in self._sites.values():
            if site.front is None:
                continue
            if not site.front.behind:
                raise UsageError(
                    f"The site {site.name} is a {site.personality.name}, and stands in front of nothing.",
                    remedy=f"Name the site behind: --fronts {site.name}=NAME, or fronts: NAME in its file.",
                    reference=REFERENCE,
                )
            for connection in site.front.behind:
                if connection.site is None:
                    others = [name for name in self._sites if name != site.name]
                    raise UnknownName(f"site behind {site.name}", connection.name, others, reference=REFERENCE)

    def _connections(self) -> Iterable[Connection]:
        return [one for site in self._sites.values() if site.front is not None for one in site.front.behind]

    def _listen(self, behind: Site) -> None:
        """Hear a site's changes for all in front of it, once: a log forgets no listener."""
        if behind in self._heard:
            return
        self._heard.add(behind)

        def hear(change: Change) -> None:
            for connection in self._connections():
                if connection.site is behind:
                    connection.hear(change)

        behind.log.listen(hear)

    def _refuse_circle(self, site: Site) -> None:
        def beyond(name: str, seen: tuple[str, ...]) -> None:
            if name in seen:
                way = " → ".join((*seen[seen.index(name) :], name))
                raise UsageError(
                    f"Sites stand in front of each other in a circle: {way}.",
                    remedy="Let one of them have its records by itself.",
                    reference=REFERENCE,
                )
            found = site if name == site.name else self._sites.get(name)
            for other in found.options.fronts if found is not None else ():
                beyond(other, (*seen, name))

        beyond(site.name, ())
