"""Whose an idempotency key is, and for how long it is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from mockehr.core.exchange import Exchange
from mockehr.fhir.idempotency import KEYS_KEPT, Idempotency
from mockehr.fhir.server import FhirServer
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions


@pytest.fixture
def server() -> FhirServer:
    site = build_site(SiteOptions("a", patients=0, stepped=True, open_access=True))
    return replace(site.fhir, settings={"idempotency_header": "Idempotency-Key"})


class Counting:
    """Keys, and an interaction that answers how often it was run."""

    def __init__(self, server: FhirServer) -> None:
        self.server = server
        self.keys = Idempotency()
        self.runs = count(1)

    def once(self, key: str, client: str = "one", body: bytes = b"") -> object:
        exchange = Exchange("fhir", "POST", "/Patient", "", {"idempotency-key": key}, body)
        exchange.client = client
        return self.keys.once(exchange, lambda server, exchange: next(self.runs), self.server)


def test_a_key_belongs_to_the_client_that_sent_it(server: FhirServer) -> None:
    told = Counting(server)
    assert [told.once("k", client) for client in ("one", "two", "one", "two")] == [1, 2, 1, 2]


def test_the_oldest_keys_are_forgotten_first(server: FhirServer) -> None:
    told = Counting(server)
    for number in range(KEYS_KEPT + 1):
        told.once(str(number))
    assert told.once(str(KEYS_KEPT)) == KEYS_KEPT + 1
    assert told.once("1") == 2
    assert told.once("0") == KEYS_KEPT + 2
