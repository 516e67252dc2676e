"""What R4 Subscriptions are sent: an empty POST, or the resource itself by PUT."""

from __future__ import annotations

from typing import Any

import pytest
from tests.events.changes import changed

from mockehr.events import Delivery, Hook, Sender, forms
from mockehr.events.delivery import Event
from mockehr.events.draft import exchange_of
from mockehr.fhir.record import encode
from mockehr.fhir.xml import to_xml

PATIENT = {"active": True}


def written(
    payload: Any = "full", media: str = "application/fhir+json", url: str = "https://app.example.org/in"
) -> Any:
    hook = Hook("h", url, payload=payload, media=media, form="r4")
    events = (Event(1, changed("Patient", PATIENT, id="p1")),)
    delivery = Delivery(hook, events, 1, 1, exchange_of(hook, events, "event"), payload=payload)
    sender = Sender(
        "a", encode, encode_as=lambda document, media: to_xml(document) if "xml" in media else encode(document)
    )
    forms().get("r4").write(delivery, sender)
    return delivery.exchange


def test_without_payload_an_empty_post_goes_to_the_endpoint() -> None:
    for payload in ("empty", "id-only"):
        sent = written(payload, media="")
        assert (sent.method, sent.path, sent.body) == ("POST", "/in", b"")
        assert "content-type" not in sent.headers


@pytest.mark.parametrize("url", ["https://app.example.org/in", "https://app.example.org/in/"])
def test_with_payload_the_resource_is_put_below_the_endpoint(url: str) -> None:
    sent = written(url=url)
    assert (sent.method, sent.path) == ("PUT", "/in/Patient/p1")
    assert sent.body == b'{"resourceType":"Patient","id":"p1","active":true}'
    assert sent.headers["content-type"] == "application/fhir+json"


@pytest.mark.parametrize(
    ("media", "said"), [("application/fhir+xml", "application/fhir+xml"), ("xml", "application/fhir+xml")]
)
def test_xml_is_sent_where_it_was_asked_for(media: str, said: str) -> None:
    sent = written(media=media)
    assert sent.headers["content-type"] == said
    assert sent.body.startswith(b"<?xml")
    assert b'<active value="true"/>' in sent.body
