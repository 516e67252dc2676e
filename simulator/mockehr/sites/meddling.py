"""What quirks of searches, writes and events may do to their site (`mockehr.quirks.base.World`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mockehr.core.exchange import JSON, Exchange
from mockehr.core.page import SearchPage
from mockehr.events import Delivery, Event, Hook
from mockehr.events.hook import rotated
from mockehr.fhir.interactions.read import less_in
from mockehr.fhir.record import Record
from mockehr.fhir.search.query import Query
from mockehr.fhir.search.shape import shaped

if TYPE_CHECKING:
    from mockehr.sites.site import Site


def versions_of(site: Site, resource_type: str, id: str) -> Sequence[Record]:
    """All versions of a resource, oldest first; none of one that was never written here."""
    store = site.store
    return store.history(resource_type, id) if store.rewritten(resource_type, id) else ()


def cut(site: Site, record: Record, resource_type: str, query: str, *, included: bool) -> bytes | JSON:
    """What `_summary` and `_elements` of a query for that type leave of a record; its octets where that is all."""
    shown = site.fhir.shown(record)
    less = less_in(site.fhir, query, resource_type)
    made = shaped(shown.document, less, included=included) if isinstance(less, Query) else None
    return shown.body if made is None else made


def found_by(site: Site, exchange: Exchange, query: str) -> Any:
    """What the search of an exchange finds with another query: a SearchPage or a Problem."""
    asked = replace(exchange, method="GET", query=query, body=b"", returned=())
    site.perform(asked)
    exchange.returned = asked.returned
    return asked.result


def page_again(site: Site, page: SearchPage) -> str:
    """A token that leads to a page that has a `next`, once more; empty where pages are not reached by tokens."""
    following = site.fhir.pages.get(page.next_session) if page.next_token == page.next_session else None
    if following is None or following.looked:  # where charts are looked through nothing is known of earlier pages
        return ""
    return site.fhir.pages.open(replace(following, offset=page.offset))


def write_over(site: Site, resource_type: str, id: str, elements: JSON) -> bool:
    """Commit a version with those elements on top, lists after what is there; False if there is no resource."""
    with site.store.transaction():
        current = site.store.read(resource_type, id)
        if current is None or current.deleted:
            return False
        known = current.document
        added = {
            name: [*known.get(name, ()), *value] if isinstance(value, list) else value
            for name, value in elements.items()
        }
        document = site.fhir.stamp({**known, **added}, current.version + 1, site.clock.now())
        site.store.commit(document, kind="update", source="control")
    return True


def rotate_secret(site: Site, endpoint: str, secret: str, *, keep_old: bool) -> Hook:
    """Sign for an endpoint with another secret from now on; answers its new settings. Raises UnknownName."""
    hook = rotated(site.outbox.lane(endpoint).hook, secret, keep_old=keep_old)
    site.outbox.change(hook)
    return hook


def switch_off(site: Site, endpoint: str, why: str) -> None:
    """Tell an endpoint nothing more, and let everybody know who looks after it. Raises UnknownName."""
    site.outbox.switch(endpoint, why)
    site.outbox.switched_off(site.outbox.lane(endpoint))


def skip_event_numbers(site: Site, endpoint: str, events: Sequence[Event], count: int) -> tuple[Event, ...]:
    """Let those events, the endpoint's latest, and all that follow have numbers that are higher by `count`."""
    lane = site.outbox.lane(endpoint)
    lane.told += count
    first = events[0].number

    def moved(event: Event) -> Event:
        return replace(event, number=event.number + count) if event.number >= first else event

    lane.log = deque((moved(event) for event in lane.log), maxlen=lane.log.maxlen)
    return tuple(moved(event) for event in events)


def replay_delivery(site: Site, exchange: Exchange, after: float) -> None:
    """Send what was just written to an endpoint again after so many seconds, to the octet, whatever rules say then.

    Nobody can record what was not sent: while it is kept back the replay waits, too, and for good where it is given
    up or the endpoint is gone. The replay is not tried again.
    """
    numbers, endpoint = set(exchange.changes), exchange.peer
    headers, body = dict(exchange.headers), exchange.body

    def again() -> None:
        lane = site.outbox.lanes.get(endpoint)
        if lane is None or lane.off or "dropped" in exchange.notes or "failure" in exchange.notes:
            return
        if exchange.reply is None:
            schedule()
            return
        events = tuple(event for event in lane.log if event.change.number in numbers)

        def prepare(delivery: Delivery) -> None:
            site.journal.open(delivery.exchange)
            delivery.exchange.headers, delivery.exchange.body = dict(headers), body
            delivery.exchange.notes |= {"replayed": exchange.number, "about": exchange.notes.get("about", [])}

        usual, site.outbox.prepare = site.outbox.prepare, prepare
        try:
            site.outbox.post(lane, events, kind="replay", copy=True)
        finally:
            site.outbox.prepare = usual

    def schedule() -> None:
        label = f"deliver what {endpoint} got as entry {exchange.number} again"
        site.clock.schedule(site.clock.now() + after, again, label)

    schedule()
