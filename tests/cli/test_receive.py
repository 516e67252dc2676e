"""`mockehr receive` as a process of its own, and events that outlast the process of `mockehr serve`."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from mockehr.cli.main import cli
from mockehr.cli.receive import answers_from
from mockehr.core.errors import UsageError
from mockehr.events import signature

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends processes by POSIX signals")
START = "import sys; from mockehr.cli import main; sys.argv = ['mockehr', *sys.argv[1:]]; main()"


LIMIT = 20.0
"""Seconds that a line may take."""


class Process:
    """A running command that prints JSON lines."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def line(self) -> Any:
        """The next line, parsed."""
        assert self.process.stdout is not None
        late = threading.Timer(LIMIT, self.process.kill)
        late.start()
        line = self.process.stdout.readline()
        late.cancel()
        assert line, self.process.communicate()[1] or f"nothing came within {LIMIT:g} s"
        return orjson.loads(line)

    def end(self, number: int = signal.SIGINT) -> tuple[int, list[Any], str]:
        """Status, the lines that were not read yet, and what went to stderr."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, [orjson.loads(line) for line in out.splitlines()], err


Start = Callable[..., Process]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Process] = []

    def begin(*words: str) -> Process:
        running.append(Process(*words))
        return running[-1]

    yield begin
    for one in running:
        one.process.kill()
        one.process.communicate()


def ask(url: str, body: bytes = b"", method: str = "POST", **headers: str) -> tuple[int, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body if method != "GET" else None, method=method, headers=named)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def event(number: int) -> bytes:
    return orjson.dumps({"id": f"evt-{number}", "type": "patient.created", "resource": {"reference": "Patient/a"}})


def test_it_answers_as_told_records_and_sums_up(start: Start, tmp_path: Path) -> None:
    out = tmp_path / "arrived.ndjson"
    running = start("receive", "--json", "--answer", "500x2,429;Retry-After=5,202", "--out", str(out))
    url = running.line()["listening"]
    statuses = [ask(f"{url}hook", event(number))[0] for number in (1, 1, 2, 3, 4)]
    assert statuses == [500, 500, 429, 202, 202]
    status, lines, err = running.end()
    assert (status, err) == (0, "")
    assert [one["number"] for one in lines[:-1]] == [1, 2, 3, 4, 5]
    assert lines[-1]["summary"] == {
        "deliveries": 5, "events": 4, "repeated": 1, "answered": {"202": 2, "429": 1, "500": 2}, "faults": 0,
    }  # fmt: skip
    kept = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    assert [one["events"][0]["id"] for one in kept] == ["evt-1", "evt-1", "evt-2", "evt-3", "evt-4"]
    assert (kept[0]["method"], kept[0]["path"], kept[0]["body"]) == ("POST", "/hook", event(1).decode())


def test_signatures_are_checked_and_a_wrong_one_decides_the_exit_status(start: Start) -> None:
    running = start("receive", "--json", "--secret", "s3cret")
    url = running.line()["listening"]
    ask(url, event(1), x_mockehr_signature=signature("s3cret", 5, event(1)))
    assert running.line()["fault"] == ""
    ask(url, event(2), x_mockehr_signature=signature("s3cret", 5, event(1)))
    assert "does not fit" in running.line()["fault"]
    ask(url, event(3))
    assert running.line()["fault"] == "it is not signed"
    status, lines, _ = running.end(signal.SIGTERM)
    assert (status, lines[-1]["summary"]["faults"]) == (1, 2)


def test_challenges_are_given_back_and_a_count_ends_it(start: Start) -> None:
    running = start("receive", "--json", "--secret", "s", "--scheme", "verification-token", "--count", "3")
    url = running.line()["listening"]
    asked = orjson.dumps({"verification-token": "s", "challenge": "c-1"})
    assert ask(url, asked) == (200, b"c-1")
    assert ask(f"{url}?hub.challenge=c-2", method="GET") == (200, b"c-2")
    assert ask(url, b"{}", verification_token="s") == (200, b"")
    assert running.process.wait(timeout=20) == 0
    silent = start("receive", "--json", "--handshake", "none", "--count", "1")
    assert ask(silent.line()["listening"], asked) == (200, b"")


def test_lines_are_for_people_without_json(start: Start) -> None:
    running = start("receive", "--count", "1", "--delay", "1ms")
    assert running.process.stdout is not None
    url = running.process.stdout.readline().split()[2]
    ask(f"{url}in", event(7))
    out, _ = running.process.communicate(timeout=20)
    assert "     1 POST /in → 200  evt-7 patient.created Patient/a  none\n" in out
    assert out.endswith("1 deliveries, 1 events, 0 again; 1 answered 200\n")


def test_wrong_options_are_refused_for_people(tmp_path: Path) -> None:
    for words, why in (
        (["--answer", "ok"], "is no answer"),
        (["--answer", "100"], "is no answer"),
        (["--answer", "500x999999,200"], "100000"),
        (["--scheme", "hubb"], "hub"),
        (["--delay", "soon"], "duration"),
        (["--out", str(tmp_path / "no" / "file")], "cannot be written"),
    ):
        done = CliRunner().invoke(cli, ["receive", *words])
        assert why in str(done.exception), words
    assert [(one.status, dict(one.headers)) for one in answers_from("500x2, 429;Retry-After=5")] == [
        (500, {}), (500, {}), (429, {"Retry-After": "5"}),
    ]  # fmt: skip
    with pytest.raises(UsageError):
        answers_from("")


SERVED = """
sites:
  - name: north
    store: sqlite:{folder}
    webhooks:
      - name: app
        url: {url}hook
        secret: s3cret
        settings: {{ladder: [1s], repeats: true, at_once: 2}}
"""


def test_what_waited_when_the_server_was_killed_is_delivered_by_the_next(start: Start, tmp_path: Path) -> None:
    deaf = start("receive", "--json", "--answer", "503")
    listening = deaf.line()["listening"]
    file = tmp_path / "server.yaml"
    file.write_text(SERVED.format(url=listening, folder=tmp_path), encoding="utf-8")
    serve = ["serve", "--json", "--port", "0", "--config", str(file)]

    server = start(*serve)
    control = f"{server.line()['url']}/_mockehr/sites/north"
    for number in range(8):
        assert ask(f"{control}/import", patient(number))[0] == 200
    deaf.line()
    server.process.kill()
    server.process.wait(timeout=20)
    deaf.end()

    port = listening.rstrip("/").rpartition(":")[2]
    good = start("receive", "--json", "--port", port, "--secret", "s3cret")
    good.line()
    server = start(*serve)
    control = f"{server.line()['url']}/_mockehr/sites/north"
    told: set[str] = set()
    while len(told) < 8:
        arrival = good.line()
        assert arrival["fault"] == ""
        told |= {one["resource"] for one in arrival["events"]}
    assert told == {f"Patient/p{number}" for number in range(8)}
    ask(f"{control}/import", patient(8))
    while (arrival := good.line())["events"][0]["id"] != "evt-9":
        assert arrival["fault"] == ""
    events = orjson.loads(ask(f"{control}/events", method="GET")[1])
    assert [one["number"] for one in events["events"]] == list(range(1, 10))


def patient(number: int) -> bytes:
    return orjson.dumps({"resource": {"resourceType": "Patient", "id": f"p{number}"}})
