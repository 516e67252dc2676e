"""Signed webhooks on changes, delivered to a real receiver on loopback."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mockehr.events import Hook, Policy, verify
from mockehr.fhir.intake import Intake, import_document
from mockehr.testing.world import TestSite, World

WAIT = 30


class Receiver:
    """Records what arrives and answers with the statuses it was given, then 200."""

    def __init__(self) -> None:
        self.arrived: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()
        self.statuses: queue.Queue[int] = queue.Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = 200 if receiver.statuses.empty() else receiver.statuses.get()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver.arrived.put(({k.lower(): v for k, v in self.headers.items()}, body))

            def log_message(self, *_: Any) -> None:
                """Nothing: pytest shows the journal."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def write(site: TestSite, family: str) -> None:
    patient = {"resourceType": "Patient", "id": family.lower(), "name": [{"family": family}]}
    site._call(import_document, site.site.store, patient, Intake(), source="test")


def hook(site: TestSite, receiver: Receiver) -> None:
    site.site.outbox.add(Hook("app", receiver.url, secret="s3cret", policy=Policy(ladder=(10.0,))))


def test_a_change_arrives_signed(mockehr: World, receiver: Receiver) -> None:
    site = mockehr.site(stepped=True)
    hook(site, receiver)
    write(site, "Muster")
    headers, body = receiver.arrived.get(timeout=WAIT)
    assert verify("s3cret", headers["x-mockehr-signature"], body, now=int(site.site.clock.now())) == ""
    assert verify("other", headers["x-mockehr-signature"], body, now=int(site.site.clock.now())) != ""
    assert json.loads(body)["resource"]["reference"] == "Patient/muster"


def test_a_duplicate_delivery_has_the_same_event_and_another_delivery_id(mockehr: World, receiver: Receiver) -> None:
    site = mockehr.site(stepped=True)
    hook(site, receiver)
    site.quirk("duplicate-delivery", later="60s")
    write(site, "Muster")
    first = receiver.arrived.get(timeout=WAIT)
    site.advance("61s")
    second = receiver.arrived.get(timeout=WAIT)
    assert first[1] == second[1]
    assert first[0]["x-mockehr-delivery"] != second[0]["x-mockehr-delivery"]


def test_a_dropped_delivery_never_arrives_and_the_journal_knows(mockehr: World, receiver: Receiver) -> None:
    site = mockehr.site(stepped=True)
    hook(site, receiver)
    site.quirk("dropped-delivery", when={"first": 1})
    write(site, "Lost")
    write(site, "Found")
    _, body = receiver.arrived.get(timeout=WAIT)
    assert json.loads(body)["resource"]["reference"] == "Patient/found"
    assert [bool(e.notes.get("dropped")) for e in site.journal(channel="webhook")] == [True, False]


def test_a_refused_delivery_is_tried_again_and_then_given_up(mockehr: World, receiver: Receiver) -> None:
    site = mockehr.site(stepped=True)
    hook(site, receiver)
    receiver.statuses.put(500)
    receiver.statuses.put(500)
    write(site, "Muster")
    receiver.arrived.get(timeout=WAIT)
    while not site._call(site.site.clock.pending):
        pass
    site.advance("11s")
    headers, _ = receiver.arrived.get(timeout=WAIT)
    assert headers["x-mockehr-attempt"] == "2"
    while not site._call(lambda: len(site.site.outbox.dead)):
        pass
    assert site.site.outbox.delivered == 0
