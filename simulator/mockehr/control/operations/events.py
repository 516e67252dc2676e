"""Events of the hospital: what endpoints were told, what they were not told yet, telling them by hand and again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mockehr.control.operation import operation
from mockehr.core.clock import duration, instant
from mockehr.core.errors import UnknownName, UsageError
from mockehr.core.exchange import JSON
from mockehr.events import Delivery, Event, topics
from mockehr.sites.directory import Directory
from mockehr.sites.site import Site
from mockehr.sites.telling import STATES, Told, change_for, change_of, told_events, topic_called


@operation("events list", "GET", "/events")
def listed(
    site: Site, endpoint: str = "", state: str = "", resource: str = "", since: str = "", limit: int = 200
) -> dict[str, Any]:
    """Events that fit, oldest first; the newest `limit` of them.

    `state` is waiting, delivered, dead, dropped, untold or over; `resource` a type or `Type/id`; `since` how long ago
    (`1h`) by the site's clock, or an instant.
    """
    if state and state not in STATES:
        raise UnknownName("state of an event", state, STATES)
    after = _since(site, since)
    found = [
        told
        for told in told_events(site, endpoint)
        if (not state or told.state == state)
        and resource in ("", told.event.change.resource_type, _reference(told.event))
        and told.event.change.at >= after
    ]
    return {"total": len(found), "events": [_row(told) for told in found[max(0, len(found) - limit) :]]}


@operation("events send", "POST", "/events")
def send(site: Site, resource: str = "", topic: str = "", patient: str = "", endpoint: str = "") -> dict[str, Any]:
    """Tell of a stored resource (`Type/id`) now, or of an event of a topic in a patient's chart.

    To one endpoint, whether it asked for that or not; or to all that want it.
    """
    if bool(resource) == bool(topic):
        raise UsageError("It is not clear what to tell.", remedy="Give --resource Type/id, or --topic and --patient.")
    if topic and not patient:
        raise UsageError(f"Whose {topic}?", remedy=f"Name one with --patient: mockehr site patients {site.name}.")
    named = topic_called(topic) if topic else None
    change = change_for(site, named, patient) if named is not None else change_of(site, resource)
    if endpoint:
        site.outbox.lane(endpoint)
    names = [endpoint] if endpoint else [lane.hook.name for lane in site.outbox if lane.hook.wants(change)]
    if not names:
        known = ", ".join(site.outbox.lanes)
        raise UsageError(
            f"Nobody wants to hear of {change.resource_type}/{change.id}.",
            nearest=f"endpoints: {known}" if known else "there is no endpoint at all",
            remedy="Name one with --endpoint." if known else "Add one with mockehr webhook add.",
        )
    told = [(name, site.outbox.tell(name, change, named.name if named is not None else "")) for name in names]
    return {"sent": [{"endpoint": name} | _event(event) for name, event in told]}


@operation("events replay", "POST", "/events/replay")
def replay(
    site: Site, endpoint: str = "", delivery: int = 0, dead: bool = False, first: int = 0, last: int = 0
) -> dict[str, Any]:
    """Send again: one dead letter by its `delivery`, all that are `dead`, or events of an endpoint by their numbers.

    What is sent again is delivered as if for the first time: with all retries, under a new delivery number and the
    same event ids. Dead letters may be those of one endpoint only.
    """
    if [bool(delivery), dead, bool(first or last)].count(True) != 1:
        raise UsageError(
            "It is not clear what to send again.", remedy="Give one of --delivery N, --dead, or --first N [--last N]."
        )
    if first or last:
        return {"replayed": _replay_events(site, endpoint, first, last)}
    if endpoint:
        site.outbox.lane(endpoint)
    letters = [one for one in site.outbox.dead if endpoint in ("", one.hook.name)]
    if delivery:
        numbers = [one.number for one in letters]
        if delivery not in numbers:
            raise UsageError(
                f"There is no dead letter {delivery}.",
                nearest=f"dead: {', '.join(map(str, numbers[-12:]))}" if numbers else "nothing is dead",
                remedy="What was delivered is sent again by the numbers of its events: --endpoint NAME --first N.",
            )
        letters = [one for one in letters if one.number == delivery]
    again = [site.outbox.replay(one) for one in letters if one.hook.name in site.outbox.lanes]
    return {"replayed": [{"delivery": one.number, "endpoint": one.hook.name} for one in again]}


@operation("events dead", "GET", "/events/dead")
def dead(site: Site, endpoint: str = "", limit: int = 200) -> dict[str, Any]:
    """Deliveries that were given up after their last attempt, oldest first; the newest `limit` of them."""
    if endpoint:
        site.outbox.lane(endpoint)
    found = [one for one in site.outbox.dead if endpoint in ("", one.hook.name)]
    return {"dead": [_letter(one) for one in found[max(0, len(found) - limit) :]]}


@operation("events topics", "GET", "/topics", scope="server", offline=True)
def topics_(directory: Directory) -> dict[str, Any]:
    """What may be subscribed to by name: the events of a hospital, and their canonical URLs."""
    return {
        "topics": [
            {
                "name": name,
                "title": topic.title,
                "description": topic.description,
                "resource": topic.resource,
                "canonicals": list(topic.canonicals),
                "filters": dict(topic.filters),
            }
            for name, topic in topics().items()
        ]
    }


def _replay_events(site: Site, endpoint: str, first: int, last: int) -> list[JSON]:
    if not endpoint:
        raise UsageError("Whose events?", remedy="Events are numbered by endpoint: name one with --endpoint.")
    found = site.outbox.events(endpoint, max(1, first), last or None)
    if not found:
        kept = site.outbox.events(endpoint)
        asked = f"{max(1, first)} to {last}" if last else f"from {max(1, first)} on"
        raise UsageError(
            f"{endpoint} has no events {asked}.",
            nearest=f"events kept: {kept[0].number} to {kept[-1].number}" if kept else "it has none so far",
        )
    again = site.outbox.tell_again(endpoint, found)
    return [{"delivery": one.number, "endpoint": endpoint} for one in again]


def _since(site: Site, text: str) -> float:
    if not text:
        return float("-inf")
    try:
        return site.clock.now() - duration(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time.", remedy="Write 30m, 2d, or 2026-01-05T12:00:00Z.") from None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()


def _reference(event: Event) -> str:
    return f"{event.change.resource_type}/{event.change.id}"


def _event(event: Event) -> JSON:
    change = event.change
    return {
        "number": event.number,
        "id": event.id,
        "at": instant(change.at, millis=True),
        "topic": event.topic,
        "kind": change.kind,
        "resource": _reference(event),
        "patient": change.patient,
    }


def _row(told: Told) -> JSON:
    last = told.last
    return (
        {"endpoint": told.endpoint}
        | _event(told.event)
        | {
            "state": told.state,
            "attempts": told.attempts,
            "status": last.reply.status if last is not None and last.reply is not None else 0,
            "failure": str(last.notes.get("failure", "")) if last is not None else "",
            "entry": last.number if last is not None else 0,
        }
    )


def _letter(delivery: Delivery) -> JSON:
    exchange = delivery.exchange
    return {
        "delivery": delivery.number,
        "endpoint": delivery.hook.name,
        "attempts": delivery.attempt,
        "first_at": instant(delivery.first_at, millis=True),
        "status": exchange.reply.status if exchange.reply is not None else 0,
        "failure": str(exchange.notes.get("failure", "")),
        "events": [_event(event) for event in delivery.events],
    }
