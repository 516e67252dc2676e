"""A message of Redox's Data Model API, as a destination receives it, and the challenge that verifies the destination.

(docs.redoxengine.com, "Receiving data", "Data Model API"; developer.redoxengine.com, "Verify your destination".) That
Redox answers what a client sends with 200 and `Meta.Errors` is no matter of notifications.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import parse_qs, urlencode
from uuid import NAMESPACE_URL, uuid5

import orjson

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.events.delivery import Delivery, Event
from mockehr.events.form import Form, Sender
from mockehr.events.policy import PRESETS
from mockehr.events.redox import content, identifiers, is_told, told_as

CHALLENGE: Final = "challenge"
TOKEN: Final = "verification-token"


def write(delivery: Delivery, sender: Sender) -> None:
    """One message for one event, a list of them for several; the challenge for a handshake."""
    settings: Mapping[str, Any] = sender.settings.get("redox", {})
    exchange = delivery.exchange
    exchange.headers["content-type"] = "application/json"
    if not delivery.events:
        _challenge(delivery, sender, settings)
        return
    told = [message(delivery, event, sender, settings) for event in delivery.events]
    names = [one.notification for event in delivery.events if (one := told_as(event.change)) is not None]
    if any(names):
        exchange.notes["notification"] = [name for name in names if name]
    exchange.body = sender.encode(told[0] if len(told) == 1 else told)


def message(delivery: Delivery, event: Event, sender: Sender, settings: Mapping[str, Any]) -> JSON:
    """`Meta`, `Patient` and what the Data Model says; of `id-only` no more than who it is about."""
    change = event.change
    told = told_as(change)
    meta = {
        "DataModel": told.model if told is not None else change.resource_type,
        "EventType": told.event if told is not None else change.kind,
        "EventDateTime": instant(change.at, millis=True),
        "Test": bool(settings.get("test", True)),
        "Source": {"ID": _uuid(sender, "source"), "Name": settings.get("source") or sender.name},
        "Destinations": [{"ID": _uuid(sender, "destination", delivery.hook.name), "Name": delivery.hook.name}],
        # Whoever orders by these is misled: they are as good as drawn.
        "Message": {"ID": _number(sender, "message", delivery.hook.name, event.id)},
        "Transmission": {"ID": _number(sender, "transmission", delivery.hook.name, str(delivery.number))},
        "FacilityCode": settings.get("facility") or None,
    }
    body: JSON = {"Meta": meta}
    who = identifiers(change)
    patient: JSON = {"Identifiers": who} if who else {}
    said = content(change) if delivery.payload == "full" else {}
    patient |= said.pop("Patient", {})
    return body | ({"Patient": patient} if patient else {}) | said


def taken(delivery: Delivery, status: int, body: bytes) -> bool:
    """A message by its status alone; a challenge if it comes back as the body of a 2xx."""
    if delivery.events:
        return delivery.hook.policy.takes(status)
    return 200 <= status < 300 and body.strip().strip(b'"').decode("utf-8", "replace") == _asked(delivery)


def _challenge(delivery: Delivery, sender: Sender, settings: Mapping[str, Any]) -> None:
    exchange = delivery.exchange
    asked = {
        TOKEN: delivery.hook.secret,
        CHALLENGE: _uuid(sender, "challenge", delivery.hook.name, str(delivery.number)),
    }
    if settings.get("verify", "POST") == "GET":
        exchange.method, exchange.query = "GET", "&".join(filter(None, (exchange.query, urlencode(asked))))
    else:
        exchange.body = sender.encode(asked)


def _asked(delivery: Delivery) -> str:
    """The challenge that was sent."""
    exchange = delivery.exchange
    if exchange.method == "GET":
        return parse_qs(exchange.query).get(CHALLENGE, [""])[0]
    return str(orjson.loads(exchange.body)[CHALLENGE])


def _uuid(sender: Sender, *names: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join(("redox", sender.name, *names))))


def _number(sender: Sender, *names: str) -> int:
    raw = blake2b("/".join((sender.name, *names)).encode(), digest_size=4).digest()
    return int.from_bytes(raw, "big")


REDOX = Form("redox", write, "verification-token", PRESETS["redox"], taken, ("id-only", "full"), is_told)
