"""Requests that nobody should send to what vendors have beside FHIR: answered or refused, and nothing is let out."""

from __future__ import annotations

from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.personalities.strangers import SECRET, Stranger, apis, request_of, stranger

from mockehr.journal import line
from mockehr.sites.audit import AuditTrail


@pytest.fixture(scope="module", params=apis(), ids="-".join)
def who(request: Any) -> Stranger:
    return stranger(*request.param)


@settings(max_examples=25)
@given(seed=st.integers(0, 1 << 40))
def test_any_request_is_answered_or_refused(who: Stranger, seed: int) -> None:
    exchange = who.ask(*request_of(who, Random(seed)))
    if exchange.reply is not None:
        assert exchange.reply.status < 500, exchange.reply
        assert not any(letter in name + value for name, value in exchange.reply.headers for letter in "\r\n\0")
        assert line(exchange)


def test_no_password_and_no_session_is_in_the_journal_or_the_audit_trail(who: Stranger) -> None:
    trail: AuditTrail = who.site.audit
    shown = b"".join(line(one) for one in who.site.journal) + orjson.dumps(
        [one.as_json() for one in trail.accesses()]
    )
    assert shown
    for secret in (SECRET, *who.tokens):
        assert secret.encode() not in shown


LATE = "9999-12-31T23:59:59Z"
ERIKA = {"Identifiers": [{"ID": "p1", "IDType": "FHIR"}]}
VISIT = {"VisitDateTime": "2026-02-05T10:00:00Z", "Duration": 15}


@pytest.mark.parametrize(
    ("model", "event", "told", "status"),
    [
        ("PatientSearch", "Query", {"Patient": {"Identifiers": True}}, 400),
        ("PatientSearch", "Query", {"Patient": {"Identifiers": [{"ID": "p1", "IDType": ["MR"]}]}}, 200),
        ("PatientSearch", "Query", {"Patient": {"Identifiers": [{"ID": "_history", "IDType": "FHIR"}]}}, 200),
        ("PatientSearch", "Query", {"Patient": {"Identifiers": [{"ID": "?_count=1", "IDType": "FHIR"}]}}, 200),
        ("PatientAdmin", "PatientUpdate", {"Patient": {**ERIKA, "Demographics": {"EmailAddresses": 5}}}, 200),
        ("Scheduling", "New", {"Patient": ERIKA, "Visit": {**VISIT, "Duration": 10**15}}, 400),
        ("Scheduling", "New", {"Patient": ERIKA, "Visit": {**VISIT, "VisitDateTime": LATE}}, 400),
        ("Results", "New", {"Patient": ERIKA, "Orders": 5}, 400),
        ("Results", "New", {"Patient": ERIKA, "Orders": [{"Results": [{"Code": "1", "Value": "1e308"}]}]}, 200),
    ],
)
def test_messages_of_redox_in_odd_shapes(model: str, event: str, told: dict[str, Any], status: int) -> None:
    who = stranger("redox", "redox-data-model")
    meta = {"DataModel": model, "EventType": event, "Destinations": [{"Name": "south"}]}
    reply = who.ask("POST", "/endpoint", headers=who.headers[0], body=orjson.dumps({"Meta": meta, **told})).reply
    assert reply is not None
    assert reply.status == status, reply.body


@pytest.mark.parametrize(
    ("vendor", "api", "method", "path", "query", "body"),
    [
        ("nexhealth", "nexhealth-synchronizer", "GET", "/appointments/\u00b2", "", b""),
        ("nexhealth", "nexhealth-synchronizer", "GET", "/appointments/" + "1" * 5000, "", b""),
        ("nexhealth", "nexhealth-synchronizer", "GET", "/appointment_slots", "start_date=9999-12-31", b""),
        ("modmed", "ema-files", "GET", "/ema-files/\udce9", "", b""),
        ("athena", "athenaone-v1", "GET", "/v1/1243/appointments/open", "reasonid=-1&startdate=12/31/9999", b""),
        (
            *("athena", "athenaone-v1", "PUT", "/v1/1243/chart/60178/allergies", ""),
            b'allergies=[{"allergenid":"1","allergenname":"x","reactions":5}]',
        ),
        (
            *(
                "athena",
                "athenaone-v1",
                "POST",
                "/v1/1243/appointments/open",
                "providerid=2&appointmentdate=01/08/2026",
            ),
            b"appointmenttime=" + b",".join([b"10:00"] * 300),
        ),
    ],
)
def test_odd_numbers_and_days_are_refused(
    vendor: str, api: str, method: str, path: str, query: str, body: bytes
) -> None:
    who = stranger(vendor, api)
    made = len(who.site.log.changes)
    query = f"subdomain=south&location_id=1001&departmentid=2&{query}"
    reply = who.ask(method, path, query, who.headers[0], body).reply
    assert reply is not None
    assert reply.status in (200, 400, 403, 404), reply.body
    assert len(who.site.log.changes) - made <= 1
