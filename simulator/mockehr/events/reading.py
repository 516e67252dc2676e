"""What a notification says, read from its body in whichever of our forms it is: for receivers and tests of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from mockehr.core.exchange import JSON


@dataclass(frozen=True, slots=True)
class Said:
    """One event as a receiver reads it. What the form does not say is empty."""

    id: str
    """The same in every delivery of the event, as far as the form lets a receiver know."""
    type: str = ""
    resource: str = ""
    """`Type/id`."""
    number: int = 0
    topic: str = ""
    occurred: str = ""
    document: JSON = field(default_factory=dict)
    """The resource, where it is carried."""


def read_events(body: bytes, headers: Mapping[str, str] | None = None) -> tuple[Said, ...]:
    """The events of a notification: none of a handshake, a heartbeat, or of what is in no form that is known.

    Names of headers in small letters.
    """
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ()
    if isinstance(told, list):
        return tuple(said for one in told if isinstance(one, dict) for said in _redox(one))
    return tuple(_read(told, headers or {}, body)) if isinstance(told, dict) else ()


def challenge_of(body: bytes, query: Mapping[str, str]) -> str:
    """The text that a sender wants to see again before it sends anything; empty if it asks for none.

    Redox sends `challenge` in a JSON object or in the query, WebSub (section 5.3) `hub.challenge` in the query.
    """
    found = query.get("hub.challenge") or query.get("challenge") or ""
    if found or b'"challenge"' not in body:
        return found
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return str(told.get("challenge", "")) if isinstance(told, dict) and "verification-token" in told else ""


def _read(told: JSON, headers: Mapping[str, str], body: bytes) -> Iterator[Said]:
    if told.get("resourceType") == "Bundle":
        yield from _bundle(told)
    elif "resourceType" in told:
        reference = f"{told['resourceType']}/{told.get('id', '')}"
        kind = headers.get("x-healthgorilla-event-type", "")
        # Nothing says which event it is: two that leave the resource alike cannot be told apart.
        mark = blake2b(body, digest_size=4).hexdigest()
        yield Said(f"{reference}#{mark}", kind, reference, document=told)
    elif "Meta" in told:
        yield from _redox(told)
    elif "data" in told:
        yield from _standard(told, headers.get("webhook-id", ""))
    else:
        for one in told.get("events", [told]):
            if isinstance(one, dict) and "id" in one:
                yield _plain(one)


def _plain(told: JSON) -> Said:
    resource = told.get("resource", {})
    return Said(
        str(told["id"]), str(told.get("type", "")), str(resource.get("reference", "")),
        topic=str(told.get("topic", "")), occurred=str(told.get("occurred", "")),
        document=resource.get("document", {}),
    )  # fmt: skip


def _standard(told: JSON, id: str) -> Iterator[Said]:
    events = told["data"].get("events") if isinstance(told["data"], dict) else None
    parts = events if isinstance(events, list) else [told]
    # Only the message has an id: where it carries several events, it is those of all of them.
    ids = id.split("+") if len(id.split("+")) == len(parts) else [f"{id}#{place}" for place in range(len(parts))]
    for one, name in zip(parts, ids, strict=True):
        data = one.get("data", {})
        if not str(one.get("type", "")).startswith("webhook."):
            reference = f"{data['resourceType']}/{data['id']}" if "resourceType" in data else ""
            when = str(one.get("timestamp", ""))
            yield Said(name, str(one["type"]), reference, occurred=when, document=data.get("resource", {}))


def _redox(told: JSON) -> Iterator[Said]:
    meta = told.get("Meta")
    if isinstance(meta, dict):
        kind = f"{meta.get('DataModel', '')}.{meta.get('EventType', '')}"
        id = str(meta.get("Message", {}).get("ID", ""))
        yield Said(id, kind, occurred=str(meta.get("EventDateTime", "")), document=told)


def _bundle(told: JSON) -> Iterator[Said]:
    """A notification of a topic-based Subscription: of R5, of the backport, or athenahealth's."""
    entries = [entry for entry in told.get("entry", ()) if isinstance(entry, dict)]
    status = entries[0].get("resource", {}) if entries else {}
    carried = {str(entry.get("fullUrl", "")): entry.get("resource", {}) for entry in entries[1:]}
    subscription, topic, notices = _status(status)
    for notice in notices:
        focus = notice.get("focus") or {}
        reference = str(focus.get("reference", ""))
        number = notice.get("eventNumber", 0)
        id = str(notice.get("id") or f"{subscription}#{number}")
        local = "/".join(reference.split("/")[-2:])
        document: JSON = next((one for url, one in carried.items() if one and url.endswith(local) and local), {})
        yield Said(
            id, str(status.get("type", "event-notification")), local, int(number), topic,
            str(notice.get("timestamp", "")), document,
        )  # fmt: skip


def _status(status: JSON) -> tuple[str, str, list[JSON]]:
    """Subscription, topic and events of a SubscriptionStatus, or of the Parameters that stand for it in R4."""
    if status.get("resourceType") != "Parameters":
        subscription = str((status.get("subscription") or {}).get("reference", ""))
        return subscription, str(status.get("topic", "")), list(status.get("notificationEvent", ()))
    found = {part["name"]: _value(part) for part in status.get("parameter", ())}
    notices = [
        {_camel(one["name"]): _value(one) for one in part.get("part", ())}
        for part in status.get("parameter", ())
        if part["name"] == "notification-event"
    ]
    named = found.get("subscription") or {}
    return str(named.get("reference", "")), str(found.get("topic") or ""), notices


def _value(part: JSON) -> Any:
    return next((value for name, value in part.items() if name.startswith("value")), None)


def _camel(name: str) -> str:
    first, *others = name.split("-")
    return first + "".join(word.capitalize() for word in others)
