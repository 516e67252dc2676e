"""The payload that Standard Webhooks recommends ("Payload structure"): `type`, `timestamp` and `data`."""

from __future__ import annotations

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.events.delivery import Delivery, Event
from mockehr.events.form import Form, Sender
from mockehr.events.policy import PRESETS


def write(delivery: Delivery, sender: Sender) -> None:
    """One object for one event, with `data.events` for several, and a bare type for none."""
    told = [message(event, delivery.payload) for event in delivery.events]
    now = instant(sender.now(), millis=True)
    body: JSON = {"type": f"webhook.{delivery.kind}", "timestamp": now, "data": {}}
    if len(told) == 1:
        body = told[0]
    elif told:
        body = {"type": "events.batched", "timestamp": now, "data": {"events": told}}
    delivery.exchange.body = sender.encode(body)
    # A receiver that is given no secret still tells repetitions apart by the id.
    delivery.exchange.headers |= {
        "content-type": "application/json",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(sender.now())),
    }


def message(event: Event, payload: str) -> JSON:
    """What is said of one event; `timestamp` is when it happened, not when it is told."""
    change = event.change
    data: JSON = {}
    if payload != "empty":
        data = {"resourceType": change.resource_type, "id": change.id, "version": str(change.version)}
        data |= {"patient": change.patient} if change.patient else {}
    if payload == "full":
        data["resource"] = change.document
    kind = event.topic.replace("-", "_") or f"{change.kind}d"
    return {
        "type": f"{change.resource_type.lower()}.{kind}",
        "timestamp": instant(change.at, millis=True),
        "data": data,
    }


STANDARD = Form("standard", write, "standard", PRESETS["standard"])
