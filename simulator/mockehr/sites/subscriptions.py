"""The Subscriptions of one site: each stored one is an endpoint of the outbox, and its status follows what happens.

They are heard of as changes, whoever wrote them; nothing polls the store. Where several processes share a store, each
looks, when something was written, whether there are Subscriptions that it does not know (`follow`), and the one that
wrote a Subscription looks after it: handshake, heartbeats, end.

States (FHIR R4 subscription.html#2.42.5; Subscriptions R5 Backport IG 1.1.0, "Channels", "Errors"): `requested` → a
handshake, where the style has one → `active`, or `error`; `error` or `off`, as set, after failures; `off` at the
end. A client asks again by `requested`. What the server writes is a version of its own; no HL7 message tells of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, cast

from mockehr.core.changes import QUIET, Change
from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.events import Delivery, Event, Hook
from mockehr.events.channel import CHANNELS
from mockehr.events.lane import Lane
from mockehr.events.notification import Notice, bundle_of, status_of
from mockehr.events.style import Terms
from mockehr.events.styles.backport import LEVELS
from mockehr.events.subscription_parts import form_of_media
from mockehr.fhir.record import Record, encode
from mockehr.fhir.search.include import Include
from mockehr.fhir.subscribing import Binding
from mockehr.fhir.xml import to_xml
from mockehr.sites.subscriber import Subscriber, disclosing, foreign, kept_in, may_hear, may_see
from mockehr.sites.subscription_requests import KIND, OVER, admit, problem_of
from mockehr.sites.subscription_terms import (
    PREFIX,
    Predicate,
    hook_of,
    offered_styles,
    policy_of,
    predicates_of,
    read_terms,
    settings_of,
    url_of,
)

if TYPE_CHECKING:
    from mockehr.sites.site import Site

BINDINGS: Final = "websocket-bindings"
"""The drawer with binding tokens: token → ids of the Subscriptions that it is for."""
TOLD: Final = frozenset({"active", "error"})
"""Statuses in which events count: those of a Subscription in error are numbered, and can be asked for (`$events`)."""
_RANKS: Final[Sequence[str]] = ("empty", "id-only", "full")


@dataclass(slots=True, eq=False)
class Held:
    """What is known of one Subscription."""

    id: str
    version: int
    document: JSON
    subscriber: Subscriber
    leads: bool
    """Whether this process looks after it."""
    terms: Terms | None = None
    """None for one that cannot be honoured."""
    predicates: Mapping[str, Predicate] = field(default_factory=dict)
    shaking: bool = False
    """A handshake is under way."""
    since: float = 0.0
    """Site time since which silence counts for heartbeats."""
    cancels: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What is scheduled for it: `handshake`, `end`, `heartbeat` → how to cancel it."""

    @property
    def name(self) -> str:
        """Of its endpoint in the outbox."""
        return PREFIX + self.id

    @property
    def status(self) -> str:
        """As it is stored."""
        return str(self.document.get("status", ""))

    def cancel(self) -> None:
        """Let nothing that was scheduled for it happen."""
        for cancel in self.cancels.values():
            cancel()
        self.cancels.clear()


class Subscriptions:
    """Those of one site (`mockehr.fhir.subscribing.Subscriptions`)."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._held: dict[str, Held] = {}
        self._seen: object = None
        self._discloses = bool(site.upgrades.changes.types)
        """Whether records go out without the subscribers that are kept with them; upgrades see to that themselves."""
        outbox, sender = site.outbox, site.outbox.sender
        sender.encode_as, sender.status, sender.related = self._encoded, self._status, self._related
        outbox.switched_off = self.switched_off
        outbox.listen(self._over)
        site.fhir.subscriptions = self
        site.fhir.admit = lambda exchange, document, current: admit(site, exchange, document, current)

    # what is stored

    def hear(self, change: Change) -> None:
        """Listener of the change log; has to hear of changes before the outbox does."""
        if change.resource_type != KIND:
            if not self._site.store.alone:
                self.follow()
            return
        if change.event == QUIET and change.source == "control":
            return  # written here, and known
        self._forget_or_take(change.id, change.version, change.document, gone=change.kind == "delete", leads=True)

    def follow(self) -> None:
        """Know what other processes wrote of Subscriptions; costs nothing where nobody wrote anything."""
        listed = self._site.store.overlay(KIND)
        if listed is self._seen:
            return
        self._disclose()
        self._seen = listed
        known = {record.id for record in listed}
        for id in [id for id in self._held if id not in known]:
            self._forget(id)  # the site was reset, or went back to a snapshot
        for record in listed:
            held = self._held.get(record.id)
            if held.version != record.version if held is not None else not record.deleted:
                self._forget_or_take(record.id, record.version, record.document, gone=record.deleted, leads=False)

    def rebuild(self) -> None:
        """Hold exactly what is stored: when the site is built, reset, or goes back to a snapshot."""
        every = self._site.store.overlay(KIND)
        if every:  # deleted ones have histories
            self._disclose()
        listed = {record.id: record for record in every if not record.deleted}
        for id in [id for id in self._held if id not in listed]:
            self._forget(id)
        for record in listed.values():
            held = self._held.get(record.id)
            if held is None or held.document is not record.document:
                self._take(record.id, record.version, record.document, leads=True, at_once=False)

    def _disclose(self) -> None:
        """From the first Subscription on nothing goes out with its subscriber; till then no answer pays for that."""
        if not self._discloses:
            self._discloses = True
            self._site.fhir.shown = disclosing(self._site.fhir.shown)

    def leave_to_others(self) -> None:
        """Look after none of those that are there: another process of this site does."""
        for held in self._held.values():
            held.leads = False
            held.cancel()

    def _forget_or_take(self, id: str, version: int, document: JSON, *, gone: bool, leads: bool) -> None:
        if gone:
            self._forget(id)
        else:
            self._take(id, version, document, leads=leads)

    def _forget(self, id: str) -> None:
        """It was deleted: nobody is told anything more."""
        held = self._held.pop(id, None)
        if held is not None:
            held.cancel()
            if held.name in self._site.outbox.lanes:
                self._site.outbox.remove(held.name)

    def _take(self, id: str, version: int, document: JSON, *, leads: bool, at_once: bool = True) -> None:
        """A Subscription is as `document` has it from now on. Without `at_once` a handshake waits for the clock."""
        site, before = self._site, self._held.get(id)
        if before is not None:
            before.cancel()
        if not offered_styles(site):
            return  # a resource like any other here
        self._disclose()
        held = self._held[id] = Held(id, version, document, kept_in(document), leads)
        style, terms = read_terms(site, document)
        if style is None or not isinstance(terms, Terms):
            if held.name in site.outbox.lanes:
                site.outbox.switch(held.name, "it cannot be honoured")
            if leads and held.status not in {*OVER, "error"}:
                self._write(held, "error", problem_of(cast(Any, terms)).text)
            return
        if held.subscriber.secret:
            terms = replace(terms, secret=held.subscriber.secret)
        held.terms, held.predicates = terms, predicates_of(site, terms.filters)
        hook = hook_of(id, terms, policy_of(site, style, terms), document, lambda change: self._wants(id, change))
        if held.name in site.outbox.lanes:
            site.outbox.change(hook)
        else:
            site.outbox.add(hook)
        if held.status == "requested" and leads:
            self._begin(held, at_once=at_once)
        elif held.status == "active":
            self._opened(held)
        else:
            usual = "switched off by its subscriber" if held.status in OVER else held.status
            if held.status != "requested":
                site.outbox.switch(held.name, str(document.get("error") or usual))

    # from requested to active

    def _begin(self, held: Held, *, at_once: bool) -> None:
        terms, site = held.terms, self._site
        assert terms is not None
        site.outbox.switch(held.name)
        if terms.end is not None and terms.end <= site.clock.now():
            self._switch_off(held, "its end was over when it was written")
        elif not terms.handshake or not CHANNELS[terms.channel].pushed:
            self._write(held, "active")
            self._opened(held)
        elif at_once:
            self._shake(held)
        else:  # at the first moment in which somebody can send it
            self._schedule(held, "handshake", site.clock.now(), lambda: self._shake(held))

    def _shake(self, held: Held) -> None:
        """Send a handshake, before whatever else waits; what becomes of it `_over` hears."""
        lane = self._site.outbox.lane(held.name)
        held.shaking = True
        self._site.outbox.resume()  # an earlier process may have left one
        if not any(delivery.kind == "handshake" for delivery in lane.ready):
            self._site.outbox.post(lane, (), kind="handshake", ahead=True)

    def _over(self, delivery: Delivery) -> None:
        """Listener of the outbox: a delivery was answered, given up or dropped."""
        if delivery.kind != "handshake":
            return
        held, notes = self._held.get(delivery.hook.subscription), delivery.exchange.notes
        # one that was dropped, or went to an endpoint that the Subscription no longer has, decides nothing
        if held is None or held.terms is None or not held.shaking or "taken" not in notes:
            return
        if delivery.hook.url != url_of(held.terms):
            return
        held.shaking = False
        if notes["taken"]:
            self._write(held, "active")
            self._opened(held)
            return
        reply = delivery.exchange.reply
        answer = notes.get("failure") or f"status {reply.status if reply is not None else 0}"
        self._fail(held, f"the handshake was not taken: {answer}")

    def _opened(self, held: Held) -> None:
        """It is active: events are told from now on, until its end."""
        site, terms = self._site, held.terms
        assert terms is not None
        site.outbox.switch(held.name)
        held.cancel()
        if not held.leads:
            return
        held.since = site.clock.now()
        if terms.end is not None:
            self._schedule(held, "end", terms.end, lambda: self._switch_off(held, "its end has come"))
        if terms.heartbeat:
            self._schedule(held, "heartbeat", held.since + terms.heartbeat, lambda: self._beat(held))

    def _schedule(self, held: Held, what: str, at: float, action: Callable[[], None]) -> None:
        held.cancels[what] = self._site.clock.schedule(at, action, f"{what} of {held.name}")

    def _beat(self, held: Held) -> None:
        """Send a heartbeat if nothing was sent for its period."""
        site, terms = self._site, held.terms
        assert terms is not None
        now, quiet_since = site.clock.now(), max(held.since, site.outbox.lane(held.name).last_at)
        if now >= quiet_since + terms.heartbeat:
            site.outbox.notify(held.name, "heartbeat")
            held.since = quiet_since = now
        self._schedule(held, "heartbeat", quiet_since + terms.heartbeat, lambda: self._beat(held))

    # to error and off

    def switched_off(self, lane: Lane) -> None:
        """Called by the outbox with an endpoint that is told nothing more for its failures."""
        held = self._held.get(lane.hook.subscription) if lane.hook.subscription else None
        if held is not None and not held.shaking:
            self._fail(held, lane.off)

    def _fail(self, held: Held, why: str) -> None:
        held.cancel()
        self._site.outbox.switch(held.name, why)
        self._write(held, str(settings_of(self._site)["after_failures"]), why)

    def _switch_off(self, held: Held, why: str) -> None:
        held.cancel()
        self._site.outbox.switch(held.name, why)
        self._write(held, "off", why)

    def _write(self, held: Held, status: str, error: str = "") -> None:
        """A version of the server's own, with that status."""
        site = self._site
        record = site.store.read(KIND, held.id)
        if record is None or record.deleted or record.document.get("status") == status:
            return
        made = {name: value for name, value in record.document.items() if name != "error"}
        made |= {"status": status} | ({"error": error} if error else {})
        made = site.fhir.stamp(made, record.version + 1, site.clock.now())
        written = site.store.commit(made, kind="update", source="control", event=QUIET)
        held.document, held.version = written.document, written.version

    # what the outbox and its forms ask

    def _wants(self, id: str, change: Change) -> bool:
        held = self._held.get(id)
        if held is None or held.status not in TOLD or (change.resource_type, change.id) == (KIND, id):
            return False
        test = held.predicates.get(change.resource_type)
        return (test is None or test(change.document)) and may_hear(self._site, held.subscriber, change)

    def _status(self, id: str) -> tuple[str, str]:
        held = self._held.get(id)
        return ("active", "") if held is None else (held.status, str(held.document.get("error", "")))

    def _encoded(self, document: JSON, media: str) -> bytes:
        xml = form_of_media(media) == "xml"
        return to_xml(document, version=self._site.fhir.fhir_version) if xml else encode(document)

    def _related(self, hook: Hook, event: Event) -> list[JSON]:
        """What a topic names beside the focus: what that refers to, as far as the subscriber may see and wants it."""
        held = self._held.get(hook.subscription)
        topic = next((one for one in hook.topics if one.name == event.topic), None)
        if held is None or topic is None or not settings_of(self._site)["related"]:
            return []
        found: dict[str, JSON] = {}
        for kind, path in topic.related.items():
            source, _, name = path.partition(":")
            if source != event.change.resource_type:
                continue
            include = Include(source, name, kind, False, self._site.fhir.fhir_version)
            for target, id in include.references(event.change.document, self._site.base_url):
                record = self._site.store.read(target, id)
                if record is not None and self._shows(held, record):
                    found[record.key] = self._site.fhir.shown(record).document
        return list(found.values())

    def _shows(self, held: Held, record: Record) -> bool:
        test = held.predicates.get(record.resource_type)
        if record.deleted or (test is not None and not test(record.document)):
            return False
        return may_see(self._site, held.subscriber, record)

    # what operations ask

    def status_document(self, id: str) -> JSON:
        """See `mockehr.fhir.subscribing.Subscriptions`."""
        hook, told = self._endpoint(id)
        return status_of(Notice(hook, "query-status", told, mark=str(told)), self._site.outbox.sender)

    def events_bundle(self, id: str, first: int, last: int | None, content: str) -> JSON:
        """See `mockehr.fhir.subscribing.Subscriptions`."""
        hook, told = self._endpoint(id)
        known = hook.name in self._site.outbox.lanes
        logged = self._site.outbox.events(hook.name, first, last) if known else []
        held = self._held.get(id)  # whoever wrote it last need not have the rights of who was told then
        events = [one for one in logged if held is None or may_hear(self._site, held.subscriber, one.change)]
        wanted = LEVELS.get(content, hook.payload)
        level = min(wanted, hook.payload, key=_RANKS.index)
        mark = f"{first}-{last}-{told}"
        notice = Notice(hook, "query-event", told, events, level, mark)
        return bundle_of(notice, self._site.outbox.sender)

    def withheld(self, id: str, exchange: Exchange) -> Problem | None:
        """See `mockehr.fhir.subscribing.Subscriptions`."""
        hook, _ = self._endpoint(id)
        held = self._held.get(id)
        kinds = hook.resources or tuple(topic.resource for topic in hook.topics)
        return foreign(held.subscriber if held is not None else Subscriber(), exchange, kinds)

    def by_websocket(self, id: str) -> bool:
        """See `mockehr.fhir.subscribing.Subscriptions`."""
        return self._endpoint(id)[0].url == CHANNELS["websocket"].url

    def binding(self, ids: Sequence[str], base_url: str) -> Binding:
        """See `mockehr.fhir.subscribing.Subscriptions`."""
        site = self._site
        vendor, drawer = site.personality, site.auth.drawers[BINDINGS]
        token = site.chance.key(site.name, BINDINGS, drawer.next_number()).hex()
        until = site.clock.now() + float(settings_of(site)["binding"])
        drawer.put(token, list(ids), until)
        root = base_url.removesuffix(site.fhir_path.rstrip("/"))
        return Binding(token, until, "ws" + root.removeprefix("http") + vendor.websocket_path(site.facts))

    def _endpoint(self, id: str) -> tuple[Hook, int]:
        """Its endpoint, and how many events that had; of one that cannot be honoured what is known of it."""
        if not self._site.store.alone:
            self.follow()
        outbox = self._site.outbox
        lane = outbox.lanes.get(PREFIX + id)
        if lane is not None:
            # other processes of the site may have told more since this one told anything
            later = outbox.events(lane.hook.name, lane.told + 1)
            return lane.hook, max([lane.told, *(event.number for event in later)])
        held = self._held.get(id)
        criteria = str(held.document.get("criteria", "")) if held is not None else ""
        return Hook(PREFIX + id, "", subscription=id, canonical=criteria), 0
