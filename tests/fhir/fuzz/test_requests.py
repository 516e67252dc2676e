"""Thousands of spoiled requests: none gives a 5xx, none takes long, and what is stored stays good.

About a thousand requests; `MOCKEHR_FUZZ=20000` sends more.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.fhir.lossless import parse
from mockehr.fhir.operations import operations
from mockehr.fhir.validate import check_body
from mockehr.fhir.validation.issue import Issue
from mockehr.sites.site import Site

BASE: Final = "http://a.example.org/a/fhir/R4"
SITES: Final = tuple((vendor, store) for vendor in ("generic", "epic", "oracle") for store in ("memory", "sqlite"))
REQUESTS: Final = int(os.environ.get("MOCKEHR_FUZZ", "1000")) // len(SITES)
KINDS: Final = (
    "Patient",
    "Observation",
    "Condition",
    "Encounter",
    "Basic",
    "Binary",
    "ValueSet",
    "CodeSystem",
    "ConceptMap",
)
ALL: Final = [
    "read",
    "vread",
    "search",
    "search-compartment",
    "create",
    "update",
    "patch",
    "delete",
    "history-instance",
]
UNFILED: Final = ("Condition", "Observation")
"""What Epic refuses of the first ones (59144): their subject, `Patient/b`, is nobody it knows."""
OPENED: Final = {
    "interactions": {
        "resources": list(KINDS),
        "types": dict.fromkeys(KINDS, ALL),
        "system": ["batch", "transaction", "search-system", "history-system"],
        "operations": list(operations()),
    },
    "write": {
        "update_create": True,
        "if_match_required": False,
        "conditional_read": True,
        "conditional_update": True,
        "conditional_patch": True,
        "conditional_delete": "multiple",
        "prefer": True,
    },
}
"""A vendor's server with more than the vendor offers, so that what is sent gets far."""
LONGEST: Final = 2.0
"""Seconds of the processor for one request."""


def told(method: str, target: str, headers: dict[str, str], body: bytes) -> str:
    return f"{method} {target[:300]} {headers} {body[:3000]!r}"


def check_reply(exchange: Exchange, vendor: str) -> int:
    """The status. What says that it is JSON has to be it, and an error an OperationOutcome (or the vendor's own)."""
    reply = exchange.reply
    assert reply is not None
    assert 200 <= reply.status < 500
    if reply.body and "json" in reply.content_type:
        document = orjson.loads(reply.body)
        if reply.status >= 400 and vendor == "generic":
            assert document["resourceType"] == "OperationOutcome"
            assert all(issue["severity"] and issue["code"] for issue in document["issue"])
    elif reply.status >= 400 and vendor == "generic":
        assert b"OperationOutcome" in reply.body
    assert not any(letter in value for _, value in reply.headers for letter in "\r\n\0")
    return reply.status


def faults(site: Site) -> list[Issue]:
    """What is wrong with what is stored: octets that are another document, and what does not validate."""
    found: list[Issue] = []
    for record in site.store.written():
        read = site.handle(Exchange("fhir", "GET", f"/{record.key}", base_url=BASE))
        assert read.reply is not None
        if record.deleted:
            assert read.reply.status in (404, 410), record.key
            continue
        assert read.reply.status in (200, 403, 405), record.key
        assert parse(record.body) == record.document, record.key
        found += check_body(record.document, record.resource_type, record.id)
    return found


@pytest.mark.parametrize(("vendor", "store"), SITES)
def test_no_request_breaks_a_site(
    hostile_site: Callable[..., Site], grammar: Callable[..., Any], tmp_path: Path, vendor: str, store: str
) -> None:
    where = "memory" if store == "memory" else f"sqlite:{tmp_path}"
    site = hostile_site(vendor, patients=10, store=where, settings=OPENED if vendor != "generic" else {})
    refused = set()
    for kind in KINDS:
        document = orjson.dumps(grammar("first", kind).resource(kind, "a"))
        sent_first = Exchange("fhir", "PUT", f"/{kind}/a", headers={}, body=document, base_url=BASE)
        if check_reply(site.handle(sent_first), vendor) != 201:
            refused.add(kind)
    assert refused == (set(UNFILED) if vendor == "epic" else set())
    assert site.store.last == len(KINDS) - len(refused)
    statuses: Counter[int] = Counter()
    for number in range(REQUESTS):
        method, target, headers, body = sent = grammar(vendor, store, number).request()
        path, _, query = target.partition("?")
        exchange, before = Exchange("fhir", method, path, query, dict(headers), body, base_url=BASE), site.store.last
        began = time.process_time()
        try:
            site.handle(exchange)
            status = check_reply(exchange, vendor)
        except Exception as error:
            raise AssertionError(f"request {number} of {vendor} {store}: {told(*sent)}") from error
        assert time.process_time() - began < LONGEST, f"request {number} of {vendor} {store}: {told(*sent)}"
        statuses[status] += 1
        if status >= 400:
            assert site.store.last == before, f"request {number} of {vendor} {store} left something: {told(*sent)}"
        if number % 500 == 499:
            assert not faults(site), f"before request {number} of {vendor} {store}"
    assert not faults(site)
    assert check_reply(site.handle(Exchange("fhir", "GET", "/Patient/p0", base_url=BASE)), vendor) in (200, 404, 410)
    # the grammar is worth something only if much of it is right
    assert statuses[200] + statuses[201] + statuses[204] > REQUESTS // 5, statuses
    assert statuses[400] + statuses[422] > REQUESTS // 20, statuses
