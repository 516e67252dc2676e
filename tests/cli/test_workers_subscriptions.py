"""FHIR Subscriptions where several processes serve one site."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.cli.test_workers import LIMIT, Together, fhir, pytestmark, until
from tests.sites.subscribing import STAY, topical

__all__ = ["pytestmark"]


@pytest.fixture
def answering() -> threading.Event:
    """While it is set, the receiver answers."""
    event = threading.Event()
    event.set()
    return event


@pytest.fixture
def receiver(answering: threading.Event) -> Iterator[tuple[str, queue.Queue[dict[str, Any]]]]:
    """An endpoint, and the notifications that arrive there."""
    arrived: queue.Queue[dict[str, Any]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived.put(orjson.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            answering.wait(LIMIT)
            self.send_response(204)
            with suppress(ConnectionError):
                self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", arrived
    answering.set()
    server.shutdown()
    server.server_close()
    thread.join()


def named(bundle: dict[str, Any], name: str) -> list[Any]:
    parameters = bundle["entry"][0]["resource"]["parameter"]
    return [next(value for key, value in one.items() if key != "name") for one in parameters if one["name"] == name]


def test_a_subscription_hears_once_of_what_any_worker_wrote_under_numbers_of_its_own(
    tmp_path: Path, receiver: tuple[str, queue.Queue[dict[str, Any]]]
) -> None:
    url, arrived = receiver
    together = Together(tmp_path, "--open-access")
    try:
        two, base = together.pinned(), fhir(together, "main")
        made = two[0]("POST", f"{base}/Subscription", topical(channel={"endpoint": url}))
        assert made.status == 201, made.body
        assert named(arrived.get(timeout=LIMIT), "type") == ["handshake"]
        address = f"{base}/Subscription/{made.json['id']}"
        until(lambda: two[1]("GET", address).json["status"] == "active", "an active Subscription")
        for turn in range(6):
            visit = {"resourceType": "Encounter", "status": "in-progress", "class": STAY}
            assert two[turn % 2]("POST", f"{base}/Encounter", visit).status == 201
        heard = [arrived.get(timeout=LIMIT) for _ in range(6)]
        parts = [named(one, "notification-event")[0] for one in heard]
        assert sorted(part["valueString"] for one in parts for part in one if part["name"] == "event-number") == list(
            "123456"
        )
        for one in two:
            assert named(one("GET", f"{address}/$status").json, "events-since-subscription-start") == ["6"]
            assert len(named(one("GET", f"{address}/$events").json, "notification-event")) == 6
        assert arrived.empty()
    finally:
        together.stop()


def test_what_workers_had_not_delivered_when_they_were_killed_those_after_them_deliver(
    tmp_path: Path, receiver: tuple[str, queue.Queue[dict[str, Any]]], answering: threading.Event
) -> None:
    url, arrived = receiver
    together = Together(tmp_path, "--open-access")
    try:
        two, base = together.pinned(), fhir(together, "main")
        made = two[0]("POST", f"{base}/Subscription", topical(channel={"endpoint": url})).json
        assert named(arrived.get(timeout=LIMIT), "type") == ["handshake"]
        until(lambda: two[1]("GET", f"{base}/Subscription/{made['id']}").json["status"] == "active", "a Subscription")
        answering.clear()
        for turn in range(6):
            visit = {"resourceType": "Encounter", "status": "in-progress", "class": STAY}
            assert two[turn % 2]("POST", f"{base}/Encounter", visit).status == 201
        before = sorted(event_number(arrived.get(timeout=LIMIT)) for _ in range(6))
        for worker in together.printed["workers"]:
            os.kill(worker, signal.SIGSTOP)  # or it would end in order, and let go of what is its own
    finally:
        together.process.kill()
        for worker in together.printed["workers"]:
            os.kill(worker, signal.SIGKILL)
        together.stop(signal.SIGKILL)
    answering.set()
    together.temporary.rename(tmp_path / "of the first")
    again = Together(tmp_path, "--open-access")
    try:
        after = [arrived.get(timeout=LIMIT) for _ in range(6)]
        assert sorted(event_number(one) for one in after) == before == list("123456")
        base = fhir(again, "main")
        assert all(orjson.dumps(one).count(base.encode()) for one in after)
        assert arrived.empty()
    finally:
        again.stop()


def event_number(bundle: dict[str, Any]) -> str:
    """Of the one event that is told of."""
    (part,) = named(bundle, "notification-event")[0:1]
    return next(str(one["valueString"]) for one in part if one["name"] == "event-number")
