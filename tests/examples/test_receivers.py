"""The example receivers of events: that they stand alone, and what each of the careful one's parts copes with."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mockehr.events import signature
from mockehr.examples import careful_receiver, careless_receiver

NOW = 1_767_614_400


@pytest.mark.parametrize("program", [careful_receiver, careless_receiver])
def test_a_receiver_stands_for_its_readers_own_code_and_imports_nothing_of_ours(program: Any) -> None:
    nodes = list(ast.walk(ast.parse(Path(program.__file__).read_text("utf-8"))))
    names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    names += [one.name for node in nodes if isinstance(node, ast.Import) for one in node.names]
    assert {name.partition(".")[0] for name in names} <= {*sys.stdlib_module_names, "httpx2", "joserfc"}


@pytest.mark.parametrize("program", ["careful_receiver", "careless_receiver"])
def test_a_missing_variable_is_a_usage_error_that_names_it(program: str) -> None:
    bare = {key: value for key, value in os.environ.items() if not key.startswith("MOCKEHR_")}
    command = [sys.executable, "-m", f"mockehr.examples.{program}"]
    done = subprocess.run(command, env=bare, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "MOCKEHR_OUTPUT" in done.stderr


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (signature("s", NOW, b"x"), ""),
        (signature("s", NOW, b"x") + ",v1=00", ""),
        (f"t={NOW},v1=00,v1={signature('s', NOW, b'x').rpartition('=')[2]}", ""),
        ("", "not signed"),
        ("t=²,v1=a", "not signed"),
        (f"t={NOW}", "the signature does not fit"),
        (signature("other", NOW, b"x"), "the signature does not fit"),
        (signature("s", NOW, b"y"), "the signature does not fit"),
        (signature("s", NOW - 301, b"x"), "the signature is old"),
        (signature("s", NOW + 301, b"x"), "the signature is old"),
    ],
)
def test_only_what_was_signed_lately_and_with_the_secret_is_believed(header: str, why: str) -> None:
    assert careful_receiver.Gate("s").fault(header, b"x", NOW) == why


def test_what_was_believed_once_is_believed_no_second_time() -> None:
    gate, header = careful_receiver.Gate("s"), signature("s", NOW, b"x")
    assert [gate.fault(header, b"x", NOW + late) for late in (0, 1, 299)] == [
        "",
        *["the signature was seen before"] * 2,
    ]


def test_the_newest_version_counts_and_what_is_gone_stays_gone() -> None:
    records = careful_receiver.Records()
    for version, resource in ((2, {"v": 2}), (1, {"v": 1}), (2, {"v": "again"})):
        records.keep("Patient/1", version, resource)
    assert list(records) == [{"v": 2}]
    records.keep("Patient/1", 3, None)
    records.keep("Patient/1", 2, {"v": 2})
    assert list(records) == []
    assert records.version("Patient/1") == 3


class Shelf:
    """A site in memory: what it has, and what a history tells."""

    def __init__(self) -> None:
        self.has: dict[str, dict[str, Any]] = {}
        self.told: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[tuple[str, datetime]] = []

    def now(self) -> float:
        return float(NOW)

    def get(self, path: str) -> dict[str, Any] | None:
        return self.has.get(path)

    def history(self, kind: str, since: datetime) -> list[dict[str, Any]]:
        self.asked.append((kind, since))
        return self.told.get(kind, [])


def patient(version: int) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "1", "meta": {"versionId": str(version)}, "active": version > 1}


def event(number: int, version: int, kind: str = "updated") -> bytes:
    about = {"reference": "Patient/1", "version": str(version)}
    return json.dumps({"id": f"evt-{number}", "type": f"patient.{kind}", "resource": about}).encode()


def followed(shelf: Any, *bodies: bytes) -> careful_receiver.Follower:
    """What is known after those notifications, each worked off before the next."""
    one = careful_receiver.Follower(shelf, "s")
    for place, body in enumerate(bodies):
        assert one.take(signature("s", NOW - place, body), body) == 202
        one._apply(one._queue.get_nowait())
    return one


def test_what_cannot_be_read_yet_is_read_later() -> None:
    shelf = Shelf()
    one = followed(shelf, event(1, 2))
    assert list(one.records) == []
    shelf.has["Patient/1"] = patient(1)
    one._fetch()
    assert list(one.records) == [patient(1)]
    shelf.has["Patient/1"] = patient(2)
    one._fetch()
    assert list(one.records) == [patient(2)]
    assert not one._wanted


def test_what_was_deleted_goes_even_where_the_event_about_it_came_first() -> None:
    shelf = Shelf()
    shelf.has["Patient/1"] = patient(1)
    assert list(followed(shelf, event(2, 2, "deleted"), event(1, 1, "created")).records) == []


def test_a_poll_begins_before_the_last_one_and_knows_deletions() -> None:
    shelf = Shelf()
    url = "http://a.example.org/fhir/Patient/1"
    shelf.told["Patient"] = [{"fullUrl": url, "resource": patient(1), "request": {"method": "POST"}}]
    one = followed(shelf)
    one.poll()
    assert list(one.records) == [patient(1)]
    shelf.told["Patient"] = [{"fullUrl": url, "request": {"method": "DELETE"}, "response": {"etag": 'W/"2"'}}]
    one.poll()
    assert list(one.records) == []
    assert shelf.asked[-1][1] == datetime.fromtimestamp(NOW, UTC) - careful_receiver.OVERLAP


def test_what_cannot_be_believed_read_or_queued_is_refused_at_once() -> None:
    one = careful_receiver.Follower(Shelf(), "s")  # type: ignore[arg-type]
    assert one.take("", b"{}") == 401
    assert one.take(signature("s", NOW, b"{"), b"{") == 400
    one._queue.maxsize = 1
    answers = [one.take(signature("s", NOW, body), body) for body in (event(1, 1), event(2, 2))]
    assert answers == [202, 503]


@pytest.mark.parametrize(
    ("told", "wait"), [("7", 7.0), ("Mon, 05 Jan 2026 12:00:30 GMT", 30.0), ("soon", 0.0), ("", 0.0), (None, 0.0)]
)
def test_the_careful_one_waits_for_seconds_or_until_a_date(told: str | None, wait: float) -> None:
    with httpx2.Client() as http:
        site = careful_receiver.Site({"FHIR_URL": "http://h.example.org"}, http)
        date = {"date": "Mon, 05 Jan 2026 12:00:00 GMT"}
        answer = httpx2.Response(503, headers=date | ({} if told is None else {"retry-after": told}))
        site._listen(answer)
        assert site._told_to_wait(answer) == pytest.approx(wait, abs=1.0)
