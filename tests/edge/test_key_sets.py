"""A client's keys come from the URL that it registered: fetched over real sockets before its token request runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import httpx2
import orjson
import pytest

from mockehr.auth.assertion import ASSERTION_TYPE, client_assertion
from mockehr.auth.keys import load_key, public_jwks, read_bundled_key
from mockehr.control.facade import Control
from mockehr.core.errors import UsageError
from mockehr.edge.key_sets import SIZE_LIMIT
from mockehr.edge.server import Server, ThreadedServer
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.test_client import register_demo_client

OLD, NEW = (read_bundled_key(f"client-{number}-ES384") for number in (1, 2))
CLOSED = "http://127.0.0.1:1/jwks"


def key_set(*keys: Mapping[str, str]) -> bytes:
    return orjson.dumps(public_jwks(*map(load_key, keys)))


class KeyServer:
    """What a client's owner runs: one URL, with whatever a test puts there."""

    def __init__(self) -> None:
        self.status, self.body, self.headers = 200, key_set(OLD), {"Content-Type": "application/json"}
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.gate.wait(10)
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Who was kept waiting may be gone."""

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Hospital:
    """A served site with one client, and the client's way to ask for a token."""

    def __init__(self, url: str, settings: Mapping[str, Any]) -> None:
        options = SiteOptions("north", stepped=True, settings={"token": {"server": dict(settings)}})
        self.site = build_site(options)
        register_demo_client(self.site, "backend", "system/*.rs", jwks_uri=url)
        self.server = Server(Directory())
        self.threaded = ThreadedServer(self.server).start()
        self.threaded.call(self.server.admit, self.site)
        self.token_url = self.server.url_of(self.site) + self.site.token_path
        self.jtis = count(1)

    def ask(self, key: Mapping[str, str] = OLD) -> httpx2.Response:
        jti = f"j{next(self.jtis)}"
        now = self.site.clock.now()
        form = {
            "grant_type": "client_credentials",
            "scope": "system/Patient.rs",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": client_assertion("backend", self.token_url, key, now=now, jti=jti),
        }
        with httpx2.Client(trust_env=False, timeout=10) as http:
            return http.post(self.token_url, data=form)

    def refusal(self, key: Mapping[str, str] = OLD) -> tuple[str, str]:
        """Why the last exchange was refused by the journal, and what the client was told."""
        answer = self.ask(key)
        assert answer.status_code == 400
        document = answer.json()
        assert document["error"] == "invalid_client"
        return list(self.site.journal)[-1].notes["refused"], document["error_description"]

    def wait_for_exchanges(self, count: int) -> None:
        """Return once that many requests arrived at the site."""
        for _ in range(100_000):
            if self.threaded.call(len, self.site.journal) >= count:
                return
        raise AssertionError("the requests did not arrive")


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    server = KeyServer()
    yield server
    server.stop()


@pytest.fixture
def hospital(keys: KeyServer) -> Iterator[Callable[..., Hospital]]:
    made: list[Hospital] = []

    def make(url: str = "", **settings: Any) -> Hospital:
        made.append(Hospital(url or keys.url, settings))
        return made[-1]

    yield make
    for one in made:
        one.threaded.stop()


def test_a_key_at_the_registered_url_passes_and_is_fetched_once(
    keys: KeyServer, hospital: Callable[..., Hospital]
) -> None:
    north = hospital()
    assert [north.ask().status_code for _ in range(3)] == [200, 200, 200]
    assert keys.asked == ["/jwks"]


def test_a_rotated_key_is_fetched_when_it_is_first_used(keys: KeyServer, hospital: Callable[..., Hospital]) -> None:
    north = hospital()
    assert north.ask().status_code == 200
    keys.body = key_set(NEW, OLD)
    assert north.ask(NEW).status_code == 200
    assert north.ask(OLD).status_code == 200
    assert len(keys.asked) == 2


def test_a_key_that_is_not_there_costs_one_fetch_and_is_refused(
    keys: KeyServer, hospital: Callable[..., Hospital]
) -> None:
    north = hospital()
    assert north.refusal(NEW)[0] == "key-unknown"
    assert len(keys.asked) == 1


def test_a_copy_is_kept_for_its_time_on_the_sites_clock(keys: KeyServer, hospital: Callable[..., Hospital]) -> None:
    north = hospital(jwks_ttl=60.0, jwks_refetch=False)
    north.ask()
    keys.body = key_set(NEW)
    assert north.refusal(NEW)[0] == "key-unknown"
    assert len(keys.asked) == 1
    north.threaded.call(north.site.clock.advance, 60)
    assert north.ask(NEW).status_code == 200
    assert north.refusal(OLD)[0] == "key-unknown"
    assert len(keys.asked) == 2


def test_a_site_that_keeps_nothing_fetches_every_time(keys: KeyServer, hospital: Callable[..., Hospital]) -> None:
    north = hospital(jwks_ttl=0.0)
    assert [north.ask().status_code for _ in range(2)] == [200, 200]
    assert len(keys.asked) == 2


def test_a_url_where_nobody_answers_is_refused_with_the_url(hospital: Callable[..., Hospital]) -> None:
    reason, told = hospital(CLOSED).refusal()
    assert reason == "jwks-unreachable"
    assert told.startswith(f"The key set at {CLOSED} cannot be fetched: ")
    assert told.endswith(".")


@pytest.mark.parametrize(
    ("status", "headers", "told"),
    [
        (500, {}, "it answers 500"),
        (404, {}, "it answers 404"),
        (302, {"Location": "/elsewhere"}, "it answers 302, and redirects are not followed"),
    ],
)
def test_a_url_that_gives_no_document_is_refused_with_what_it_gives(
    keys: KeyServer, hospital: Callable[..., Hospital], status: int, headers: dict[str, str], told: str
) -> None:
    keys.status, keys.headers = status, headers
    assert hospital().refusal() == ("jwks-unreachable", f"The key set at {keys.url} cannot be fetched: {told}.")
    assert keys.asked == ["/jwks"]


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b'{"keys": [1]}', b"\xff", b""])
def test_what_is_no_key_set_is_refused_as_malformed(
    keys: KeyServer, hospital: Callable[..., Hospital], body: bytes
) -> None:
    keys.body = body
    assert hospital().refusal() == ("jwks-malformed", f"What {keys.url} gives as its key set is no JWK Set.")


def test_an_endless_key_set_is_not_read_to_its_end(keys: KeyServer, hospital: Callable[..., Hospital]) -> None:
    keys.body = b" " * (SIZE_LIMIT + 1)
    assert hospital().refusal()[1].endswith(f"it is larger than {SIZE_LIMIT} octets.")


def test_a_url_that_keeps_silent_is_given_up(keys: KeyServer, hospital: Callable[..., Hospital]) -> None:
    keys.gate.clear()
    reason, told = hospital(jwks_timeout=0.05).refusal()
    assert (reason, told.rpartition(": ")[2]) == ("jwks-unreachable", "it does not answer within 0.05 s.")


def test_a_kept_copy_still_serves_when_its_url_is_gone(keys: KeyServer, hospital: Callable[..., Hospital]) -> None:
    north = hospital()
    north.ask()
    keys.status = 503
    assert north.ask().status_code == 200
    assert north.refusal(NEW)[0] == "jwks-unreachable"
    assert north.ask().status_code == 200
    keys.status, keys.body = 200, key_set(NEW)
    assert north.ask(NEW).status_code == 200


def test_no_proxy_of_the_environment_is_asked(
    monkeypatch: pytest.MonkeyPatch, keys: KeyServer, hospital: Callable[..., Hospital]
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert hospital().ask().status_code == 200


def test_requests_at_the_same_time_share_one_fetch(keys: KeyServer, hospital: Callable[..., Hospital]) -> None:
    north = hospital()
    keys.gate.clear()
    with ThreadPoolExecutor(2) as clients:
        answers = [clients.submit(north.ask) for _ in range(2)]
        north.wait_for_exchanges(2)
        keys.gate.set()
        assert [answer.result().status_code for answer in answers] == [200, 200]
    assert keys.asked == ["/jwks"]


def test_a_server_that_stops_answers_who_waits_for_a_key_set(
    keys: KeyServer, hospital: Callable[..., Hospital]
) -> None:
    north = hospital()
    keys.gate.clear()
    with ThreadPoolExecutor(1) as clients:
        answer = clients.submit(north.refusal)
        north.wait_for_exchanges(1)
        north.threaded.run(north.server.stop())
        assert answer.result() == (
            "jwks-unreachable",
            f"The key set at {keys.url} cannot be fetched: this server stops.",
        )


@pytest.mark.parametrize(
    ("given", "key"),
    [({}, OLD), ({"jwks": orjson.loads(key_set(NEW))}, NEW), ({"jwks_uri": "the key server's"}, OLD)],
)
def test_a_client_is_registered_over_the_control_api_by_its_keys_or_their_url(
    keys: KeyServer, hospital: Callable[..., Hospital], given: dict[str, Any], key: Mapping[str, str]
) -> None:
    north = hospital()
    north.site.auth.clients.remove("backend")
    given = {name: keys.url if name == "jwks_uri" else value for name, value in given.items()}
    control = Control(north.server.directory)
    north.threaded.call(control.call, "site client", site="north", client_id="backend", scopes="system/*.rs", **given)
    assert north.ask(key).status_code == 200
    assert len(keys.asked) == len([name for name in given if name == "jwks_uri"])
    with pytest.raises(UsageError, match="no address of a key set"):
        control.call("site client", site="north", client_id="odd", scopes="system/*.rs", jwks_uri="file:///etc")
