"""Transactions of 100 entries through a site's whole pipeline, in memory and on SQLite.

    python tests/benchmarks/transaction.py [rounds]

The ceiling is what the bytes alone cost: reading the Bundle and writing as much again. Single creates of the same
resources are beside it. Sides alternate within a round; the figures are medians over the rounds.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import orjson

from mockehr.core.exchange import Exchange
from mockehr.fhir.lossless import encode, parse
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

ENTRIES = 100
BASE = "http://127.0.0.1/main/fhir/R4"
PATIENT = "urn:uuid:00000000-0000-4000-8000-000000000000"


def observation(number: int) -> dict[str, Any]:
    """A small result of the new patient."""
    category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [category]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7", "display": "Glucose"}]},
        "subject": {"reference": PATIENT},
        "effectiveDateTime": "2026-01-05T08:00:00Z",
        "valueQuantity": {"value": 90 + number / 10, "unit": "mg/dL"},
    }


def bundle() -> bytes:
    """A patient and 99 Observations that refer to it."""
    patient = {"resourceType": "Patient", "name": [{"family": "Okafor"}], "gender": "female"}
    first = {"fullUrl": PATIENT, "resource": patient}
    entries = [first, *({"resource": observation(number)} for number in range(ENTRIES - 1))]
    asked = [one | {"request": {"method": "POST", "url": one["resource"]["resourceType"]}} for one in entries]
    return orjson.dumps({"resourceType": "Bundle", "type": "transaction", "entry": asked})


def post(site: Site, path: str, body: bytes) -> None:
    """One request, which has to succeed."""
    exchange = site.handle(Exchange("fhir", "POST", path, body=body, base_url=BASE))
    assert exchange.reply is not None
    assert exchange.reply.status < 300, exchange.reply.body


def read_and_write(body: bytes) -> None:
    """What nobody can do without."""
    encode(parse(body))


def create(site: Site, body: bytes) -> None:
    """The same number of resources, each in a request of its own."""
    for _ in range(ENTRIES):
        post(site, "/Observation", body)


def seconds(work: Callable[[], None]) -> float:
    """CPU seconds of one run."""
    started = time.process_time()
    work()
    return time.process_time() - started


def main(rounds: int) -> None:
    """Measure and print."""
    body = bundle()
    single = orjson.dumps(observation(1) | {"subject": {"reference": "Patient/w1"}})
    with tempfile.TemporaryDirectory() as folder:
        options = {"stepped": True, "open_access": True}
        memory = build_site(SiteOptions("main", **options))  # type: ignore[arg-type]
        sqlite = build_site(SiteOptions("main", store=f"sqlite:{folder}", **options))  # type: ignore[arg-type]
        sides: dict[str, Callable[[], None]] = {
            "the bytes alone": lambda: read_and_write(body),
            "transaction, memory": lambda: post(memory, "/", body),
            "transaction, SQLite": lambda: post(sqlite, "/", body),
            "100 creates, memory": lambda: create(memory, single),
            "100 creates, SQLite": lambda: create(sqlite, single),
        }
        rows: dict[str, list[float]] = {name: [] for name in sides}
        for work in sides.values():
            work()
        for _ in range(rounds):
            for name, work in sides.items():
                rows[name].append(seconds(work))
        sqlite.close()
    floor = statistics.median(rows["the bytes alone"])
    print(f"{len(body)} octets, {ENTRIES} entries, {rounds} rounds; CPU time")
    for name, taken in rows.items():
        middle = statistics.median(taken)
        rate = f"{middle * 1000:8.2f} ms  {ENTRIES / middle:9.0f} entries/s"
        print(f"{name:22} {rate}  ratio to the bytes {floor / middle:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
