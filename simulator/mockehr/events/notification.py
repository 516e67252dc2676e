"""Notification Bundles of topic-based Subscriptions (Subscriptions R5 Backport IG 1.1.0, "Notifications").

The first entry is the status: in R4 Parameters of the profile backport-subscription-status-r4, in R4B a
SubscriptionStatus. Numbers of events are texts in both. Further entries are there for whole resources only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.events.delivery import Event
from mockehr.events.form import Sender
from mockehr.events.hook import Hook, Payload

PROFILES: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
ERRORS: Final = "http://terminology.hl7.org/CodeSystem/subscription-error"
_METHODS: Final = {"create": ("POST", "201"), "update": ("PUT", "200"), "delete": ("DELETE", "204")}


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be said of a Subscription."""

    hook: Hook
    type: str
    """`handshake`, `heartbeat`, `event-notification`, `query-status` or `query-event`."""
    told: int
    """Events until now (`eventsSinceSubscriptionStart`)."""
    events: Sequence[Event] = ()
    payload: Payload = "id-only"
    mark: str = ""
    """What tells this notice from others; ids are made of it."""


def bundle_of(notice: Notice, sender: Sender) -> JSON:
    """The notification as a Bundle of type history."""
    number = _uuid(sender, notice)
    related = {event.number: tuple(sender.related(notice.hook, event)) for event in notice.events}
    if notice.payload == "empty":
        related.clear()
    status = status_of(notice, sender, related)
    entry: JSON = {
        "fullUrl": f"urn:uuid:{status['id']}",
        "resource": status,
        "request": {"method": "GET", "url": f"{_address(notice.hook, sender)}/$status"},
        "response": {"status": "200"},
    }
    r4b = sender.fhir_version.startswith("4.3")
    profile = "backport-subscription-notification" + ("" if r4b else "-r4")
    return {
        "resourceType": "Bundle",
        "id": number,
        "meta": {"profile": [PROFILES + profile]},
        "type": "history",
        "timestamp": instant(sender.now(), millis=True),
        "entry": [entry, *(_entries(notice, sender, related) if notice.payload == "full" else ())],
    }


def status_of(notice: Notice, sender: Sender, related: dict[int, tuple[JSON, ...]] | None = None) -> JSON:
    """What the first entry of a notification says, and what `$status` answers."""
    status, error = sender.status(notice.hook.subscription)
    hook = notice.hook
    told: JSON = {
        "subscription": {"reference": _address(hook, sender)},
        "topic": "" if notice.payload == "empty" else _canonical(hook),
        "status": status,
        "type": notice.type,
        "events": [_event(one, notice, sender, (related or {}).get(one.number, ())) for one in notice.events],
        "errors": [_error(error)] if status == "error" else [],
    }
    made = _subscription_status if sender.fhir_version.startswith("4.3") else _parameters
    return made(_uuid(sender, notice, "status"), told, str(notice.told))


def _event(event: Event, notice: Notice, sender: Sender, related: Sequence[JSON]) -> JSON:
    """One event; references only where the payload may name resources."""
    change = event.change
    told: JSON = {"eventNumber": str(event.number), "timestamp": instant(change.at, millis=True)}
    if notice.payload == "empty":
        return told
    base = sender.base_url()
    told["focus"] = {"reference": f"{base}/{change.resource_type}/{change.id}"}
    if related:
        told["additionalContext"] = [{"reference": f"{base}/{one['resourceType']}/{one['id']}"} for one in related]
    return told


def _parameters(id: str, told: JSON, since_start: str) -> JSON:
    """R4: Parameters."""
    parameters: list[JSON] = [{"name": "subscription", "valueReference": told["subscription"]}]
    if told["topic"]:
        parameters.append({"name": "topic", "valueCanonical": told["topic"]})
    parameters += [
        {"name": "status", "valueCode": told["status"]},
        {"name": "type", "valueCode": told["type"]},
        {"name": "events-since-subscription-start", "valueString": since_start},
    ]
    for event in told["events"]:
        parts: list[JSON] = [
            {"name": "event-number", "valueString": event["eventNumber"]},
            {"name": "timestamp", "valueInstant": event["timestamp"]},
        ]
        if "focus" in event:
            parts.append({"name": "focus", "valueReference": event["focus"]})
        parts += [{"name": "additional-context", "valueReference": one} for one in event.get("additionalContext", ())]
        parameters.append({"name": "notification-event", "part": parts})
    parameters += [{"name": "error", "valueCodeableConcept": one} for one in told["errors"]]
    profile = {"profile": [PROFILES + "backport-subscription-status-r4"]}
    return {"resourceType": "Parameters", "id": id, "meta": profile, "parameter": parameters}


def _subscription_status(id: str, told: JSON, since_start: str) -> JSON:
    """R4B: a SubscriptionStatus."""
    made: JSON = {
        "resourceType": "SubscriptionStatus",
        "id": id,
        "status": told["status"],
        "type": told["type"],
        "eventsSinceSubscriptionStart": since_start,
        "notificationEvent": told["events"],
        "subscription": told["subscription"],
        "topic": told["topic"],
        "error": told["errors"],
    }
    return {key: value for key, value in made.items() if value}


def _entries(notice: Notice, sender: Sender, related: dict[int, tuple[JSON, ...]]) -> list[JSON]:
    """The resources themselves: each event's focus, then what belongs to it, nothing twice (Bundle, bdl-7)."""
    base, made = sender.base_url(), dict[tuple[str, str], JSON]()
    for event in notice.events:
        change = event.change
        url = f"{base}/{change.resource_type}/{change.id}"
        method, status = _METHODS[change.kind]
        focus: JSON = {"fullUrl": url}
        if change.kind != "delete":
            focus["resource"] = change.document
        focus["request"] = {"method": method, "url": change.resource_type if method == "POST" else _tail(url)}
        focus["response"] = {"status": status}
        made[(url, f"{change.kind} {change.version}")] = focus
    shown = {url for url, _ in made}
    for one in (one for event in notice.events for one in related.get(event.number, ())):
        url = f"{base}/{one['resourceType']}/{one['id']}"
        if url not in shown:
            got = {"request": {"method": "GET", "url": _tail(url)}, "response": {"status": "200"}}
            made[(url, "")] = {"fullUrl": url, "resource": one, **got}
    return list(made.values())


def _tail(url: str) -> str:
    return "/".join(url.rsplit("/", 2)[1:])


def _error(text: str) -> JSON:
    concept: JSON = {"coding": [{"system": ERRORS, "code": "no-response"}]}
    return concept | ({"text": text} if text else {})


def _canonical(hook: Hook) -> str:
    return hook.canonical or next((topic.canonical for topic in hook.topics), "")


def _address(hook: Hook, sender: Sender) -> str:
    return f"{sender.base_url()}/Subscription/{hook.subscription or hook.name}"


def _uuid(sender: Sender, notice: Notice, *more: Any) -> str:
    """An id that follows from what it is the id of: the same wherever and whenever this is written again."""
    text = "\x1f".join(str(part) for part in (sender.name, notice.hook.name, notice.type, notice.mark, *more))
    return str(UUID(bytes=blake2b(text.encode(), digest_size=16).digest(), version=4))
