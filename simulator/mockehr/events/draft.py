"""The exchange of a delivery, before it is written."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.events.delivery import Delivery, Event, Kind
from mockehr.events.hook import Hook
from mockehr.events.keeper import Pending
from mockehr.events.lane import Lane


@lru_cache(maxsize=1024)
def _place(url: str) -> tuple[str, str]:
    """Path and query of an endpoint."""
    parts = urlsplit(url)
    return parts.path or "/", parts.query


def dead_again(lane: Lane, pending: Pending) -> Delivery:
    """A dead letter of an earlier process; its exchange stands in no journal any more."""
    exchange = exchange_of(lane.hook, pending.events, pending.kind)
    exchange.reply = Reply(pending.status)
    exchange.notes |= {"failure": pending.failure, "taken": False} if pending.failure else {"taken": False}
    return Delivery(
        lane.hook, pending.events, pending.number, pending.attempt, exchange, pending.kind, pending.first_at
    )


def exchange_of(hook: Hook, events: tuple[Event, ...], kind: Kind) -> Exchange:
    """What is to cross the border, before any form has written it."""
    path, query = _place(hook.url)
    change = events[0].change if events else None
    exchange = Exchange(
        channel="webhook",
        method="POST",
        path=path,
        query=query,
        direction="out",
        peer=hook.name,
        patient=change.patient if change is not None else "",
        interaction=Interaction(kind)
        if change is None
        else Interaction(f"{change.resource_type}.{change.kind}", change.resource_type, change.id),
    )
    exchange.changes = tuple(event.change.number for event in events)
    return exchange
