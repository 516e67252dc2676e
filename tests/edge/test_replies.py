"""What effects do to the bytes of a reply, over real sockets."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from time import monotonic
from typing import Any

import httpx2
import pytest

from mockehr.core.exchange import Exchange
from mockehr.edge.server import Server, ThreadedServer
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

WAIT = 30
FAST = 100.0


@pytest.fixture
def north() -> Iterator[tuple[ThreadedServer, Site, str]]:
    """A site with a port of its own on a frozen clock, and its FHIR base."""
    site = build_site(SiteOptions("north", patients=3, stepped=True, open_access=True))
    server = Server(Directory())
    server.admit(site, port=0)
    running = ThreadedServer(server).start()
    yield running, site, server.url_of(site) + site.fhir_path.rstrip("/")
    running.stop()


def talk(base: str, *requests: str) -> bytes:
    """All that comes back over one connection on which those paths are asked for, until it is closed."""
    host, _, path = base.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    got = b""
    with socket.create_connection((name, int(port)), timeout=WAIT) as connection:
        for number, request in enumerate(requests, 1):
            last = "Connection: close\r\n" if number == len(requests) else ""
            connection.sendall(f"GET /{path}{request} HTTP/1.1\r\nHost: x\r\n{last}\r\n".encode())
        while part := connection.recv(65536):
            got += part
    return got


def body_of(site: Site) -> bytes:
    assert site.charts is not None
    return site.charts.patient(1).body


def noted(site: Site, name: str) -> Any:
    """The note of that name on the only exchange that was disturbed, once the server wrote it."""
    (entry,) = [one for one in site.journal if one.effects is not None]
    until = monotonic() + WAIT
    while name not in entry.notes and monotonic() < until:
        pass
    return entry.notes.get(name)


def test_told_too_little_the_rest_lies_before_the_next_answer(north: Any) -> None:
    _, site, base = north
    site.arm({"use": "wrong-content-length", "with": {"by": -7}, "when": {"first": 1}})
    whole = body_of(site)
    got = talk(base, "/Patient/p1", "/Patient/p1")
    assert f"content-length: {len(whole) - 7}\r\n".encode() in got.lower()
    first, second = got.split(b"HTTP/1.1 200 OK")[1:]
    assert first.endswith(whole)
    assert second.endswith(whole)


def test_a_length_that_never_comes_keeps_the_client_waiting_until_the_server_stops(north: Any) -> None:
    running, site, base = north
    site.arm({"use": "wrong-content-length", "with": {"by": 7, "then": "hangs"}})
    with httpx2.Client(timeout=0.2) as http, pytest.raises(httpx2.ReadTimeout):
        http.get(f"{base}/Patient/p1")
    assert noted(site, "left") == 0.0
    with socket.create_connection(("127.0.0.1", running.server.directory.own_port(site)), timeout=WAIT) as waiting:
        waiting.sendall(f"GET /{base.split('/', 3)[3]}/Patient/p1 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert waiting.recv(65536)
        began = monotonic()
        running.run(running.server.stop())
        assert monotonic() - began < 1.5
        while waiting.recv(65536):
            pass  # the rest of the body, then the end


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_chunks_end_without_the_last_one(north: Any, share: float) -> None:
    _, site, base = north
    site.arm({"use": "truncated-body", "with": {"share": share, "framing": "chunks"}})
    got = talk(base, "/Patient/p1")
    sent = body_of(site)[: int(len(body_of(site)) * share)]
    assert b"transfer-encoding: chunked\r\n" in got.lower()
    assert b"content-length" not in got.lower()
    assert got.endswith(b"\r\n\r\n" + (b"%x\r\n" % len(sent) + sent + b"\r\n" if sent else b""))


@pytest.mark.parametrize(("damage", "complaint"), [("checksum", "CRC"), ("cut", "end"), ("not-gzip", "gzip")])
def test_what_is_packed_cannot_be_unpacked(damage: str, complaint: str) -> None:
    site = build_site(SiteOptions("a", patients=3, stepped=True, open_access=True))
    site.arm({"use": "damaged-gzip", "with": {"damage": damage}})
    packed = site.handle(Exchange("fhir", path="/Patient/p1", headers={"accept-encoding": "gzip"})).reply
    plain = site.handle(Exchange("fhir", path="/Patient/p1")).reply
    assert packed is not None
    assert packed.header("content-encoding") == "gzip"
    with pytest.raises((OSError, EOFError), match=complaint):
        gzip.decompress(packed.body)
    assert plain is not None
    assert plain.body == body_of(site)


def test_an_idle_connection_is_closed_without_a_word(north: Any) -> None:
    _, site, base = north
    site.arm({"use": "keep-alive-cut", "with": {"on": "idle"}})
    host, _, port = base.split("/")[2].partition(":")
    with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
        connection.sendall(f"GET /{base.split('/', 3)[3]}/Patient/p1 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        got = b""
        while part := connection.recv(65536):
            got += part
    assert got.endswith(body_of(site))
    assert b"connection: close" not in got.lower()


def test_nobody_listens_on_a_port_of_its_own_until_the_time_is_over(north: Any) -> None:
    running, site, base = north
    site.arm({"use": "connection-refused", "with": {"lasts": "30s"}, "when": {"first": 1}})
    with httpx2.Client(timeout=WAIT) as http:
        with pytest.raises(httpx2.ReadError):
            http.get(f"{base}/Patient/p1")
        for _ in range(2):
            with pytest.raises(httpx2.ConnectError):
                http.get(f"{base}/Patient/p1")
            running.call(site.clock.advance, 14.9)
        running.call(site.clock.advance, 0.2)
        assert http.get(f"{base}/Patient/p1").status_code == 200
    assert len(site.journal) == 2


def test_a_client_that_leaves_while_it_is_kept_waiting_is_noted(north: Any) -> None:
    _, site, base = north
    site.arm({"use": "latency", "with": {"delay": "600s"}})
    site.clock.run(scale=FAST)
    with httpx2.Client(timeout=0.1) as http, pytest.raises(httpx2.ReadTimeout):
        http.get(f"{base}/Patient/p1")
    assert 9.9 <= noted(site, "left") < 500


def test_what_a_drip_took_is_noted(north: Any) -> None:
    _, site, base = north
    site.arm({"use": "slow-drip", "with": {"octets": -(-len(body_of(site)) // 3), "pause": "10s"}})
    site.clock.run(scale=FAST)
    assert talk(base, "/Patient/p1").endswith(body_of(site))
    assert noted(site, "took") >= 29.9


@pytest.mark.parametrize(("passed_on", "status"), [("first", 201), ("last", 200)])
def test_the_answer_that_a_proxy_passes_on_is_the_first_or_the_last(north: Any, passed_on: str, status: int) -> None:
    _, site, base = north
    site.arm({"use": "duplicate-request", "with": {"answer": passed_on}})
    note = {"resourceType": "Patient", "identifier": [{"system": "https://sync.example.org/ids", "value": "1"}]}
    headers = {"Content-Type": "application/fhir+json", "If-None-Exist": "identifier=https://sync.example.org/ids|1"}
    with httpx2.Client(timeout=WAIT) as http:
        assert http.post(f"{base}/Patient", json=note, headers=headers).status_code == status
    first, second = site.journal
    assert [first.reply.status, second.reply.status] == [201, 200]
    assert second.notes == {"proxy": first.number}
    assert (second.effects is not None and second.effects.lost) is (passed_on == "first")
    assert [d.outcome for one in (first, second) for d in one.decisions] == ["fired", "idle"]
