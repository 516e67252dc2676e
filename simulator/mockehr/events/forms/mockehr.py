"""The plain webhook: one JSON object for one event, signed with a time stamp."""

from __future__ import annotations

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.events.delivery import Delivery, Event
from mockehr.events.form import Form, Sender


def write(delivery: Delivery, sender: Sender) -> None:
    """An object for one event, `{"events": [...]}` for several, `{"type": "heartbeat"}` for none."""
    told = [message(event, delivery.payload) for event in delivery.events]
    body: JSON = told[0] if len(told) == 1 else {"events": told} if told else {"type": delivery.kind}
    exchange = delivery.exchange
    exchange.body = sender.encode(body)
    exchange.headers |= {
        "content-type": "application/json",
        "x-mockehr-delivery": f"dlv-{delivery.number}",
        "x-mockehr-attempt": str(delivery.attempt),
    }


def message(event: Event, payload: str) -> JSON:
    """What is said of one event; `id` is the event's own and the same in every delivery of it."""
    change = event.change
    body: JSON = {
        "id": event.id,
        "type": f"{change.resource_type.lower()}.{change.kind}d",
        "occurred": instant(change.at),
    }
    if event.topic:
        body["topic"] = event.topic
    if payload == "empty":
        return body
    body["resource"] = {"reference": f"{change.resource_type}/{change.id}", "version": str(change.version)}
    if change.patient:
        body["patient"] = {"reference": f"Patient/{change.patient}"}
    trigger = change.event.partition("^")[2]
    if trigger:
        body["trigger"] = trigger
    if payload == "full":
        body["resource"]["document"] = change.document
    return body


MOCKEHR = Form("mockehr", write, "mockehr")
