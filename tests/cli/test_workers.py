"""`mockehr serve --workers`: several processes that are one server, asked over real sockets, each for itself."""

from __future__ import annotations

import http.client
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
import pytest

from mockehr.auth.assertion import ASSERTION_TYPE, client_assertion
from mockehr.auth.keys import read_bundled_key
from mockehr.cli.serve import serve
from mockehr.core.clock import STEPPED_START, Clock
from mockehr.core.errors import UsageError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

START = "import sys; from mockehr.cli import main; sys.argv = ['mockehr', 'serve', *sys.argv[1:]]; main()"
PATIENT = {"resourceType": "Patient", "name": [{"family": "Muster"}], "birthDate": "1980-03-04"}
LIMIT = 30.0
"""Seconds that anything may take here."""


def until(holds: Callable[[], Any], what: str) -> Any:
    """What `holds` gives as soon as that is something."""
    pause, clock = threading.Event(), Clock()
    end = clock.now() + LIMIT
    while not (found := holds()):
        assert clock.now() < end, f"{what} did not come about within {LIMIT:g} s"
        pause.wait(0.02)
    return found


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def lives(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


class Together:
    """A running `mockehr serve --workers 2`, and what it printed."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.connections: list[Pinned] = []
        store = f"sqlite:{folder / 'store'}"
        told = ["--workers", "2", "--store", store, "--port", "0", "--patients", "30", "--json", *words]
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, *told],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"TMPDIR": str(self.temporary)},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.printed: dict[str, Any] = orjson.loads(line)
        self.sites: dict[str, dict[str, Any]] = {row["site"]: row for row in self.printed["sites"]}

    @property
    def port(self) -> int:
        port = urlsplit(self.printed["url"]).port
        assert port is not None
        return port

    def pinned(self) -> list[Pinned]:
        """A connection to each worker."""
        workers = self.printed["workers"]
        return [self.connection(self.port, [other for other in workers if other != one]) for one in workers]

    def connection(self, port: int, others: Sequence[int] = ()) -> Pinned:
        """A connection that is closed at the end."""
        self.connections.append(Pinned(port, others))
        return self.connections[-1]

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit status and what went to stderr."""
        self.process.send_signal(number)
        for connection in self.connections:
            connection.close()
        _, said = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, said


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Pinned:
    """A connection that only one worker can have taken: the others stood still when it was opened."""

    def __init__(self, port: int, others: Sequence[int] = ()) -> None:
        self.port, self.others = port, others
        self.connection: http.client.HTTPConnection | None = None

    def __call__(self, method: str, url: str, json: Any = None, headers: dict[str, str] | None = None) -> Answer:
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        body = orjson.dumps(json) if json is not None else None
        more = {"Content-Type": "application/fhir+json", **(headers or {})}
        return self._answer(method, path, body, more)

    def post_form(self, url: str, form: dict[str, str]) -> Answer:
        more = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._answer("POST", urlsplit(url).path, urlencode(form).encode(), more)

    def _answer(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        if self.connection is None or self._over(self.connection):
            self._connect()
        assert self.connection is not None
        self.connection.request(method, path, body, headers)
        reply = self.connection.getresponse()
        return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())

    def _connect(self) -> None:
        self.close()
        for other in self.others:
            os.kill(other, signal.SIGSTOP)
        try:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
            self.connection.request("GET", "/nobody-s/metadata")
            self.connection.getresponse().read()
        finally:
            for other in self.others:
                os.kill(other, signal.SIGCONT)

    def _over(self, connection: http.client.HTTPConnection) -> bool:
        """Whether the server closed it, as it does with those that were quiet for some seconds."""
        if connection.sock is None:
            return True
        connection.sock.setblocking(False)
        try:
            return connection.sock.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            connection.sock.settimeout(LIMIT)

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Together]:
    words = [word for name in ("writes", "pages", "control") for word in ("--site", name)]
    server = Together(tmp_path_factory.mktemp("together"), *words, "--open-access", "--stepped")
    yield server
    assert server.stop() == (0, "")


@pytest.fixture
def two(together: Together) -> Iterator[list[Pinned]]:
    yield together.pinned()
    for one in together.connections:
        one.close()


def fhir(together: Together, site: str) -> str:
    return str(together.sites[site]["fhir"])


def control(together: Together, site: str) -> str:
    return f"{together.printed['url']}/_mockehr/sites/{site}"


# what is stored


def test_what_one_worker_wrote_is_read_found_and_in_the_history_of_the_other_at_once(
    together: Together, two: list[Pinned]
) -> None:
    base, ids = fhir(together, "writes"), []
    for number in range(20):
        writer, reader = two[number % 2], two[1 - number % 2]
        named = PATIENT | {"name": [{"family": f"Told-{number}"}]}
        created = writer("POST", f"{base}/Patient", named)
        assert created.status == 201
        id = created.headers["location"].split("/Patient/")[1].split("/")[0]
        ids.append(id)
        assert reader("GET", f"{base}/Patient/{id}").json["name"] == named["name"]
        found = reader("GET", f"{base}/Patient?family=Told-{number}&birthdate=1980-03-04").json
        assert [entry["resource"]["id"] for entry in found["entry"]] == [id]
        assert reader("GET", f"{base}/Patient/_history?_count=1").json["entry"][0]["resource"]["id"] == id
    assert len(set(ids)) == 20


def test_of_two_updates_of_the_same_version_exactly_one_wins(together: Together, two: list[Pinned]) -> None:
    base = fhir(together, "writes")
    created = two[0]("POST", f"{base}/Patient", PATIENT)
    id = created.json["id"]

    def update(one: Pinned, version: int, tag: str) -> Answer:
        changed = PATIENT | {"id": id, "name": [{"family": tag}]}
        return one("PUT", f"{base}/Patient/{id}", changed, {"If-Match": f'W/"{version}"'})

    with ThreadPoolExecutor(2) as pool:
        for version in range(1, 16):
            answers = list(pool.map(update, two, [version] * 2, [f"A{version}", f"B{version}"]))
            assert sorted(answer.status for answer in answers) == [200, 412]
            winner = next(answer for answer in answers if answer.status == 200)
            assert [one("GET", f"{base}/Patient/{id}").json["name"] for one in two] == [winner.json["name"]] * 2
    history = two[1]("GET", f"{base}/Patient/{id}/_history").json
    versions = [entry["resource"]["meta"]["versionId"] for entry in history["entry"]]
    assert versions == [str(number) for number in range(16, 0, -1)]


# pages


def walked(conversation: Sequence[Pinned], url: str) -> list[str]:
    """Ids of all matches, page by page, asking one after the other."""
    ids: list[str] = []
    turn = 0
    while url:
        page = conversation[turn % len(conversation)]("GET", url)
        assert page.status == 200, page.body
        ids += [entry["resource"]["id"] for entry in page.json.get("entry", ())]
        url = next((link["url"] for link in page.json["link"] if link["relation"] == "next"), "")
        turn += 1
    return ids


@pytest.mark.parametrize(
    "query", ["Patient?_count=4", "Patient?_count=4&_sort=-birthdate", "Patient?gender=female&_count=3"]
)
def test_next_links_lead_on_at_either_worker(together: Together, two: list[Pinned], query: str) -> None:
    url = f"{fhir(together, 'pages')}/{query}"
    alone = walked(two[:1], url)
    assert len(alone) == len(set(alone)) > 8
    assert walked(two, url) == alone
    assert walked([two[1], two[0], two[0]], url) == alone


def test_a_history_is_not_moved_by_what_is_written_while_workers_take_turns(
    together: Together, two: list[Pinned]
) -> None:
    base = fhir(together, "pages")
    made = [two[n % 2]("POST", f"{base}/Patient", PATIENT).json["id"] for n in range(6)]
    page = two[0]("GET", f"{base}/_history?_count=2").json
    seen: list[str] = []
    for turn in range(1, 4):
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        two[turn % 2]("POST", f"{base}/Observation", {"resourceType": "Observation"})
        two[turn % 2]("POST", f"{base}/Patient", PATIENT)
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
        page = two[turn % 2]("GET", url).json if url else {"entry": []}
    assert seen == made[::-1]


def test_two_equal_searches_at_two_workers_have_links_of_their_own_and_a_dead_one_is_dead_at_both(
    together: Together, two: list[Pinned]
) -> None:
    url, base = f"{fhir(together, 'pages')}/Patient?_count=7", control(together, "pages")
    links = [next(link["url"] for link in one("GET", url).json["link"] if link["relation"] == "next") for one in two]
    assert links[0] != links[1]
    assert two[0]("POST", f"{base}/quirks", {"use": "expiring-next-link"}).status == 200
    dead = next(link["url"] for link in two[1]("GET", url).json["link"] if link["relation"] == "next")
    assert two[1]("DELETE", f"{base}/quirks/expiring-next-link").status == 200
    assert [one("GET", dead).status for one in two] == [410, 410]
    assert [one("GET", links[1]).status for one in two] == [200, 200]


# control


def test_a_rule_holds_at_all_workers_before_it_is_answered_and_counts_are_added(
    together: Together, two: list[Pinned]
) -> None:
    url, base = f"{fhir(together, 'control')}/Patient?_count=1", control(together, "control")
    for turn in range(4):
        asked, other = two[turn % 2], two[1 - turn % 2]
        armed = asked("POST", f"{base}/quirks", {"use": "rate-limit", "settings": {"budget": 0}, "name": "stop"})
        assert armed.json == {"armed": "stop"}
        assert [other("GET", url).status, asked("GET", url).status, other("GET", url).status] == [429, 429, 429]
        (rule,) = other("GET", f"{base}/quirks").json["rules"]
        assert (rule["seen"], rule["fired"], rule["with"]["budget"]) == (3, 3, 0)
        assert other("DELETE", f"{base}/quirks/stop").status == 200
        assert [one("GET", url).status for one in two] == [200, 200]


def test_refusals_come_as_from_one_process(together: Together, two: list[Pinned]) -> None:
    base = control(together, "control")
    unknown = two[1]("POST", f"{base}/quirks", {"use": "rate-limt"})
    assert (unknown.status, unknown.json["error"], unknown.json["nearest"]) == (404, "UnknownName", "rate-limit")
    assert two[1]("DELETE", f"{base}/quirks/nothing").status == 404
    assert two[0]("GET", f"{control(together, 'nowhere')}/journal").status == 404
    assert two[0]("POST", f"{base}/clock/advance", {"by": "-1s"}).status == 400
    wrong = two[0]("POST", f"{base}/clock/advance", {"bye": "1s"})
    assert (wrong.status, wrong.json["error"]) == (400, "ConfigError")
    new = two[0]("POST", f"{together.printed['url']}/_mockehr/sites", {"name": "west"})
    assert (new.status, new.json["error"]) == (400, "UsageError")
    assert "several workers" in new.json["what"]


def test_clocks_of_all_workers_are_one(together: Together, two: list[Pinned]) -> None:
    base = control(together, "control")
    first = two[0]("GET", f"{base}/clock").json
    assert two[1]("POST", f"{base}/clock/advance", {"by": "90m"}).status == 200
    shown = [one("GET", f"{base}/clock").json for one in two]
    assert shown[0] == shown[1]
    assert shown[0]["now"] > first["now"]
    assert two[0]("POST", f"{base}/clock/run", {"scale": 100.0}).status == 200
    assert two[1]("POST", f"{base}/clock/freeze").status == 200
    shown = [one("GET", f"{base}/clock").json for one in two]
    assert shown[0] == shown[1]
    assert shown[0]["frozen"]


def test_journals_are_asked_as_one_and_numbers_are_given_once(together: Together, two: list[Pinned]) -> None:
    url, base = f"{fhir(together, 'control')}/Patient?_count=1", control(together, "control")
    assert two[0]("DELETE", f"{base}/journal").status == 200
    numbers = [int(two[turn % 2]("GET", url).headers["x-mockehr-entry"]) for turn in range(6)]
    assert numbers == [1, 2, 3, 4, 5, 6]
    for one in two:
        listed = one("GET", f"{base}/journal?method=GET").json
        assert [entry["entry"] for entry in listed["entries"]] == numbers
        later = one("GET", f"{base}/journal?after=4&limit=1").json
        assert ([entry["entry"] for entry in later["entries"]], later["total"]) == ([6], 2)
        assert [one("GET", f"{base}/journal/{number}").json["entry"] for number in (1, 2)] == [1, 2]
        assert one("GET", f"{base}/journal/7").status == 400
        assert one("POST", f"{base}/journal/verify", {"at_least": 6, "at_most": 6}).json == {"count": 6}
        assert one("POST", f"{base}/journal/verify", {"at_least": 7}).status == 417
        assert one("GET", f"{base}/scorecard").status == 200
    listed = two[1]("GET", f"{together.printed['url']}/_mockehr/sites").json["sites"]
    assert next(site for site in listed if site["name"] == "control")["entries"] == 6


def test_snapshots_and_resets_are_the_sites_and_not_the_workers(together: Together, two: list[Pinned]) -> None:
    site, base = fhir(together, "control"), control(together, "control")
    kept = two[0]("POST", f"{site}/Patient", PATIENT).json["id"]
    assert two[0]("POST", f"{base}/snapshots/clean").json["changes"] == 1
    lost = two[1]("POST", f"{site}/Patient", PATIENT).json["id"]
    assert two[1]("GET", f"{base}/snapshots").json == {"snapshots": ["clean"]}
    assert two[1]("POST", f"{base}/snapshots/clean/restore").status == 200
    for one in two:
        assert [one("GET", f"{site}/Patient/{id}").status for id in (kept, lost)] == [200, 404]
    taken = two[1]("POST", f"{base}/import", {"resource": PATIENT | {"id": "imported-1"}})
    assert taken.json["stored"] == {"Patient": 1}
    assert [one("GET", f"{site}/Patient/imported-1/_history").json["total"] for one in two] == [1, 1]
    assert two[0]("POST", f"{base}/reset").status == 200
    for one in two:
        assert [one("GET", f"{site}/Patient/{id}").status for id in (kept, "imported-1")] == [404, 404]


# tokens


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Callable[..., Together]]:
    started: list[Together] = []

    def begin(*words: str) -> Together:
        started.append(Together(tmp_path, *words))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.stop()


def token_form(url: str, jti: str, client: str = "demo") -> dict[str, str]:
    key = read_bundled_key("client-1-ES384")
    return {
        "grant_type": "client_credentials",
        "scope": "system/*.cruds",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": client_assertion(client, url, key, now=STEPPED_START, jti=jti),
    }


def test_a_token_works_at_all_workers_until_it_ends_and_a_jti_once_at_any(alone: Callable[..., Together]) -> None:
    together = alone("--stepped")
    two, url, base = together.pinned(), together.sites["main"]["token"], control(together, "main")
    read = f"{fhir(together, 'main')}/Patient?_count=1"

    def statuses(token: str) -> list[int]:
        return [one("GET", read, headers={"Authorization": f"Bearer {token}"}).status for one in two]

    tokens = []
    for turn, one in enumerate(two):
        issued = one.post_form(url, token_form(url, f"first-{turn}"))
        assert issued.status == 200, issued.body
        tokens.append(issued.json["access_token"])
        assert statuses(tokens[-1]) == [200, 200]
    assert tokens[0] != tokens[1]
    assert [one.post_form(url, token_form(url, f"first-{turn}")).status for turn, one in enumerate(two[::-1])] == [
        400,
        400,
    ]
    with ThreadPoolExecutor(2) as pool:
        for turn in range(10):
            answers = pool.map(Pinned.post_form, two, [url] * 2, [token_form(url, f"race-{turn}")] * 2)
            assert sorted(answer.status for answer in answers) == [200, 400]
    made = two[1]("POST", f"{base}/clients", {"client_id": "late", "scopes": "system/*.cruds"})
    assert made.status == 200
    assert two[0].post_form(url, token_form(url, "late", "late")).status == 200
    two[0]("POST", f"{base}/clock/advance", {"by": "2h"})
    assert [statuses(token) for token in tokens] == [[401, 401], [401, 401]]
    issued = two[1].post_form(url, token_form(url, "second")).json["access_token"]
    assert statuses(issued) == [200, 200]
    two[1]("POST", f"{base}/reset")
    assert statuses(issued) == [401, 401]


# telling others


@pytest.fixture
def receiver() -> Iterator[tuple[str, queue.Queue[tuple[str, str]]]]:
    arrived: queue.Queue[tuple[str, str]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            arrived.put((body["id"], self.headers["x-mockehr-delivery"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", arrived
    server.shutdown()
    server.server_close()
    thread.join()


def test_each_change_is_told_once_whichever_worker_committed_it(
    alone: Callable[..., Together], receiver: tuple[str, queue.Queue[tuple[str, str]]]
) -> None:
    url, arrived = receiver
    together = alone("--open-access")
    two = together.pinned()
    two[0]("POST", f"{control(together, 'main')}/webhooks", {"name": "told", "url": url})
    for turn in range(6):
        assert two[turn % 2]("POST", f"{fhir(together, 'main')}/Patient", PATIENT).status == 201
    heard = [arrived.get(timeout=LIMIT) for _ in range(6)]
    assert {event for event, _ in heard} == {f"evt-{number}" for number in range(1, 7)}
    assert len({delivery for _, delivery in heard}) == 6
    shown = until(
        lambda: (got := two[1]("GET", f"{control(together, 'main')}/webhooks").json)["delivered"] == 6 and got,
        "six deliveries",
    )
    assert (shown["waiting"], shown["dead"]) == (0, 0)
    assert arrived.empty()


# death and the end


def test_a_worker_that_dies_is_replaced_by_one_that_stands_as_it_did_and_nothing_answered_is_lost(
    alone: Callable[..., Together],
) -> None:
    together = alone("--open-access")
    base, doomed = fhir(together, "main"), together.printed["workers"][0]
    answered: list[str] = []
    over = threading.Event()

    def write() -> None:
        one = together.connection(together.port)
        while not over.is_set():
            try:
                created = one("POST", f"{base}/Patient", PATIENT)
            except (http.client.HTTPException, OSError):
                one.close()
                continue
            assert created.status == 201
            answered.append(created.json["id"])

    asking = together.pinned()[1]
    armed = {"use": "rate-limit", "settings": {"budget": 0}, "where": {"interaction": "capabilities"}}
    asking("POST", f"{control(together, 'main')}/quirks", armed)
    asking("POST", f"{control(together, 'main')}/snapshots/empty")
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write) for _ in range(4)]
        until(lambda: len(answered) > 40, "forty writes")
        os.kill(doomed, signal.SIGKILL)
        before = len(answered)
        until(lambda: len(answered) > before + 40, "forty writes after that")
        pids = until(lambda: len(now := children(together.process.pid)) == 2 and doomed not in now and now, "another")
        until(lambda: len(answered) > before + 80, "writes with the new one")
        over.set()
    assert [task.result() for task in writing] == [None] * 4
    assert len(answered) == len(set(answered))
    together.printed["workers"] = pids
    two = together.pinned()
    for one in two:
        assert [id for id in answered[::7] if one("GET", f"{base}/Patient/{id}").status != 200] == []
        assert one("GET", f"{base}/metadata").status == 429
        assert one("GET", f"{control(together, 'main')}/snapshots").json == {"snapshots": ["empty"]}
    history = two[0]("GET", f"{base}/_history?_count=1").json["total"]
    assert len(answered) <= history <= len(answered) + 4  # what was not answered may have been written


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_end_leaves_no_process_no_port_and_no_file_behind(
    alone: Callable[..., Together], number: signal.Signals
) -> None:
    together = alone("--open-access", "--site", "north=epic@0")
    workers, ports = together.printed["workers"], [together.port, together.sites["north"]["port"]]
    assert all(lives(pid) for pid in workers)
    own = together.connection(ports[1])("GET", f"{fhir(together, 'north')}/metadata")
    assert own.status == 200
    held_open = together.pinned()
    assert [one("GET", f"{fhir(together, 'north')}/metadata").status for one in held_open] == [404, 404]
    assert together.stop(number) == (0, "")
    assert [lives(pid) for pid in workers] == [False, False]
    for port in ports:
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", port))
            again.listen()
    assert list(together.temporary.iterdir()) == []


def test_workers_end_by_themselves_when_who_started_them_is_killed(alone: Callable[..., Together]) -> None:
    together = alone("--open-access")
    workers = together.printed["workers"]
    together.stop(signal.SIGKILL)
    until(lambda: not any(lives(pid) for pid in workers), "their end")
    assert list(together.temporary.iterdir()) == []


# what cannot be


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "in memory, as at main"),
        (["--site", "north", "--site", "south"], "in memory, as at north, south"),
        (["--store", "sqlite:{}", "--mllp", "main=0"], "cannot take HL7 messages"),
        (["--store", "sqlite:{}", "--per-client", "main"], "hospitals of their own"),
    ],
)
def test_what_several_workers_cannot_do_is_refused_with_the_remedy(
    tmp_path: Path, words: list[str], told: str
) -> None:
    given = [word.format(tmp_path) for word in words]
    with pytest.raises(UsageError, match=told) as refused:
        serve.main(["--workers", "2", "--port", "0", *given], standalone_mode=False)
    assert "without --workers" in refused.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_sites_of_a_file_that_write_to_memory_or_know_idempotency_keys_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text("sites:\n  - name: north\n    store: sqlite:kept\n  - name: south\n")
    with pytest.raises(UsageError, match="in memory, as at south"):
        serve.main(["--workers", "2", "--config", str(file)], standalone_mode=False)
    file.write_text(
        "sites:\n  - name: north\n    store: sqlite:kept\n"
        "    settings: {write: {idempotency_header: Idempotency-Key}}\n"
    )
    with pytest.raises(UsageError, match="cannot keep to Idempotency-Key at north"):
        serve.main(["--workers", "2", "--config", str(file)], standalone_mode=False)
