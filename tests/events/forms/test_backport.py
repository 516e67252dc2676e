"""Deliveries to topic-based Subscriptions, written in the media type that was asked for."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from tests.events.changes import changed

from mockehr.events import Delivery, Hook, Sender, forms, topics
from mockehr.events.delivery import Event
from mockehr.events.draft import exchange_of
from mockehr.fhir.record import encode
from mockehr.fhir.xml import from_xml, to_xml


def written(kind: Any = "event", media: str = "application/fhir+json", payload: Any = "id-only") -> Any:
    hook = Hook("h", "https://app.example.org/in", topics=(topics().get("admission"),), subscription="s", media=media)
    events = (Event(4, changed("Encounter", {"status": "in-progress"})),) if kind == "event" else ()
    delivery = Delivery(hook, events, 1, 1, exchange_of(hook, events, kind), kind, told=9, payload=payload)
    sender = Sender(
        "a", encode, encode_as=lambda document, media: to_xml(document) if "xml" in media else encode(document)
    )
    forms().get("backport").write(delivery, sender)
    return delivery.exchange


def parameters(exchange: Any) -> dict[str, Any]:
    status = orjson.loads(exchange.body)["entry"][0]["resource"]["parameter"]
    return {
        one["name"]: next((v for k, v in one.items() if k.startswith("value")), one.get("part")) for one in status
    }


@pytest.mark.parametrize(
    ("kind", "type"), [("event", "event-notification"), ("handshake", "handshake"), ("heartbeat", "heartbeat")]
)
def test_each_kind_says_what_it_is_and_how_many_events_there_were(kind: str, type: str) -> None:
    told = parameters(written(kind))
    assert (told["type"], told["events-since-subscription-start"]) == (type, "9")
    assert ("notification-event" in told) == (kind == "event")


def test_what_a_rule_makes_of_the_payload_is_what_is_written() -> None:
    assert b"Encounter" not in written(payload="empty").body
    assert b'"resource":{"resourceType":"Encounter"' in written(payload="full").body


def test_xml_is_the_same_bundle() -> None:
    sent = written(media="application/fhir+xml")
    assert sent.headers["content-type"] == "application/fhir+xml"
    assert from_xml(sent.body) == orjson.loads(written().body)
