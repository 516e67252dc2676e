"""What Standard Webhooks recommends, and its signatures, computed independently."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from hashlib import sha256

import pytest
from tests.events.changes import changed, delivered, outbox

from mockehr.events import policy_from

CHANGE = changed("Patient", {"birthDate": "1980-01-01"})


def test_a_message_has_type_timestamp_and_data() -> None:
    sent = delivered("standard", CHANGE).exchange
    assert json.loads(sent.body) == {
        "type": "patient.created",
        "timestamp": "2026-01-05T12:00:00.000Z",
        "data": {"resourceType": "Patient", "id": "1", "version": "1", "patient": "1"},
    }
    assert sent.headers["webhook-id"] == "evt-1"


def test_the_payload_is_none_or_all_if_asked_for() -> None:
    assert json.loads(delivered("standard", CHANGE, payload="empty").exchange.body)["data"] == {}
    full = json.loads(delivered("standard", CHANGE, payload="full").exchange.body)
    assert full["data"]["resource"]["birthDate"] == "1980-01-01"


def test_several_events_are_told_in_one_message() -> None:
    policy = policy_from({"preset": "standard", "batch": 2})
    told = json.loads(delivered("standard", CHANGE, changed("Patient", number=2), policy=policy).exchange.body)
    assert told["type"] == "events.batched"
    assert len(told["data"]["events"]) == 2


@pytest.mark.parametrize("secret", ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "plain"])
def test_the_signature_covers_id_time_and_body_under_the_decoded_key(secret: str) -> None:
    sent = delivered("standard", CHANGE, secret=secret).exchange
    key = b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    signed = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode() + sent.body
    wanted = b64encode(hmac.new(key, signed, sha256).digest()).decode()
    assert sent.headers["webhook-signature"] == f"v1,{wanted}"
    assert sent.headers["webhook-timestamp"] == "1767614400"


def test_githubs_signature_has_a_header_of_its_own() -> None:
    sent = delivered("standard", CHANGE, secret="s3cret", signing="hub-256").exchange
    wanted = hmac.new(b"s3cret", sent.body, sha256).hexdigest()
    assert sent.headers["x-hub-signature-256"] == f"sha256={wanted}"
    assert "x-hub-signature" not in sent.headers


def test_a_handshake_says_what_it_is() -> None:
    box, _ = outbox("standard")
    assert json.loads(box.notify("app", "handshake").exchange.body)["type"] == "webhook.handshake"
