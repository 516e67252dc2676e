"""Events told by hand, and what became of events: for people who try out a receiver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final, Literal

from mockehr.core.changes import Change
from mockehr.core.errors import UnknownName, UsageError, nearest_names
from mockehr.core.exchange import Exchange
from mockehr.events import Event, Topic, topics
from mockehr.events.lane import Lane
from mockehr.fhir.record import Record
from mockehr.sites.site import Site

State = Literal["waiting", "delivered", "dead", "dropped", "untold", "over"]
STATES: Final[tuple[State, ...]] = ("waiting", "delivered", "dead", "dropped", "untold", "over")
"""`dropped`: a rule lost it, or its retries ended where nothing is kept; `untold`: the endpoint was told nothing at
that time; `over`: it is over, and no entry of the journal says any more how."""
BY_HAND: Final = 1 << 40
"""Below the numbers of changes that nobody committed: of what was always there, told by hand."""
_LOOKED_AT: Final = 200
"""Ids that are compared with one that there is not."""


@dataclass(slots=True)
class Told:
    """One event of one endpoint, and what became of it."""

    endpoint: str
    event: Event
    state: State
    attempts: int = 0
    last: Exchange | None = None
    """The last attempt that the journal has."""


def change_of(site: Site, reference: str) -> Change:
    """The last change of a resource, given as `Type/id`; of one that was always there, as if it had just been made.

    Raises UnknownName for its type, UsageError for a resource that there is not.
    """
    kind, slash, id = reference.partition("/")
    if not slash or not id:
        raise UsageError(f"{reference!r} names no resource.", remedy="Write it like Patient/p0.")
    if kind not in site.fhir.types:
        raise UnknownName("resource type", kind, site.fhir.types)
    record = site.store.read(kind, id)
    if record is None:
        ids = _some_ids(site, kind)
        raise UsageError(
            f"There is no {reference}.",
            nearest=", ".join(f"{kind}/{one}" for one in nearest_names(id, ids)),
            remedy=f"Those that there are: mockehr site patients {site.name}, or a search for {kind}.",
        )
    return _last_change(site, record)


def change_for(site: Site, topic: Topic, patient: str) -> Change:
    """The last change in a patient's chart that is an event of that topic, or one such as if it had just happened.

    Raises UsageError if nothing in the chart is like that.
    """
    about = change_of(site, f"Patient/{patient}")
    for change in reversed(site.log.changes):
        if change.patient == patient and topic.happens(change):
            return site.upgrades.told(change)
    found = [about] if topic.resource == "Patient" else []
    if topic.resource != "Patient":
        records = sorted(site.store.chart(patient, topic.resource), key=lambda record: record.updated, reverse=True)
        found = [_last_change(site, record) for record in records if not record.deleted]
    for change in found:
        for kind in (change.kind, "create", "update"):
            candidate = replace(change, kind=kind)
            if topic.happens(candidate):
                return candidate
    statuses = ", ".join(sorted({str(one.document.get("status", "")) for one in found} - {""}))
    raise UsageError(
        f"Nothing in the chart of {patient} is an event of {topic.name}.",
        nearest=f"{len(found)} of {topic.resource}" + (f" with status {statuses}" if statuses else ""),
        remedy=f"{topic.description} Write such a resource, or name one with --resource.",
    )


def topic_called(name: str) -> Topic:
    """The topic of that name or canonical URL; raises UnknownName."""
    bare = name.partition("|")[0]
    return next((topic for _, topic in topics().items() if bare in topic.canonicals), None) or topics().get(name)


def told_events(site: Site, endpoint: str = "") -> list[Told]:
    """The events of one endpoint, or of all, as far as they are kept, by time. Raises UnknownName."""
    lanes = [site.outbox.lane(endpoint)] if endpoint else list(site.outbox)
    attempts: dict[tuple[str, int], list[Exchange]] = {}
    for exchange in site.journal:
        if exchange.channel == "webhook":
            for number in exchange.changes:
                attempts.setdefault((exchange.peer, number), []).append(exchange)
    found = [told for lane in lanes for told in _of_lane(site, lane, attempts)]
    return sorted(found, key=lambda told: told.event.change.at)


def _of_lane(site: Site, lane: Lane, attempts: dict[tuple[str, int], list[Exchange]]) -> Iterator[Told]:
    name = lane.hook.name
    gathered, untold = {event.number for event in lane.gathered}, set(lane.untold)
    dead = {event.number for one in site.outbox.dead if one.hook.name == name for event in one.events}
    for event in site.outbox.events(name):
        tried = attempts.get((name, event.change.number), [])
        if event.number in gathered:
            state: State = "waiting"
        elif not tried:
            state = "dead" if event.number in dead else "untold" if event.number in untold else "over"
        else:
            state = _state(tried, event.number in dead)
        yield Told(name, event, state, sum(1 for one in tried if one.reply is not None), tried[-1] if tried else None)


def _state(tried: list[Exchange], dead: bool) -> State:
    if any(one.notes.get("taken") for one in tried):
        return "delivered"
    last = tried[-1]
    if dead or last.notes.get("then") == "dead":
        return "dead"
    given_up = last.reply is None and "failure" in last.notes
    if given_up or last.notes.get("dropped") or last.notes.get("then") == "drop":
        return "dropped"
    return "waiting"


def _last_change(site: Site, record: Record) -> Change:
    """The change that led to a record; numbered by what it is where none did."""
    versions = site.store.history(record.resource_type, record.id)
    before = next((one for one in versions if one.version == record.version - 1), None)
    for change in reversed(site.log.changes):
        if (change.resource_type, change.id) == (record.resource_type, record.id):
            return site.upgrades.told(change)
    mark = blake2b(f"{record.key}/{record.version}".encode(), digest_size=4).digest()
    change = Change(
        BY_HAND + int.from_bytes(mark), "delete" if record.deleted else "update" if before else "create",
        record.resource_type, record.id, record.version, site.clock.now(), "control", record.document, record.patient,
        before=before.document if before is not None else None,
    )  # fmt: skip
    return site.upgrades.told(change)


def _some_ids(site: Site, kind: str) -> Iterable[str]:
    written = [record.id for record in site.store.overlay(kind) if not record.deleted]
    computed: list[str] = []
    if kind == "Patient" and site.charts is not None:
        computed = [site.charts.patient_id(index) for index in range(min(site.charts.size, _LOOKED_AT))]
    return [*written[-_LOOKED_AT:], *computed]
