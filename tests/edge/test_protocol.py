"""Plain GETs are answered at once, with the bytes that the long way gives; all else goes the long way."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from mockehr.edge.http import HttpEdge
from mockehr.edge.protocol import CuttableProtocol
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

LONG_WAY = "X-Forwarded-Proto: http\r\n"


class Collected(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        if not self.closed:  # as a real one does
            self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        """Everything was handed over already."""

    def resume_reading(self) -> None:
        """Everything was handed over already."""


def exchanged(site: Site, *pieces: str) -> tuple[bytes, bytes, bool]:
    """What was written before anything could run, what was written in the end, and whether it was closed then."""

    async def talk() -> tuple[bytes, bytes, bool]:
        directory = Directory()
        directory.add(site)
        config = uvicorn.Config(
            HttpEdge(directory), loop="none", lifespan="off", log_config=None, access_log=False, ws="none"
        )
        config.load()
        transport, state = Collected(), ServerState()
        protocol = CuttableProtocol(config=config, server_state=state, app_state={})
        protocol.connection_made(transport)
        for piece in pieces:
            protocol.data_received(piece.encode())
        at_once = transport.written
        while state.tasks:
            await asyncio.gather(*state.tasks, return_exceptions=True)
            await asyncio.sleep(0)
        closed = transport.closed
        protocol.connection_lost(None)
        return at_once, transport.written, closed

    return asyncio.run(talk())


def a_site(**options: Any) -> Site:
    return build_site(SiteOptions("main", patients=5, stepped=True, open_access=True, **options))


def get(path: str, extra: str = "", method: str = "GET") -> str:
    return f"{method} {path} HTTP/1.1\r\nHost: ehr.example.org\r\n{extra}\r\n"


@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
@pytest.mark.parametrize(
    "below", ["/metadata", "/Patient?_count=2", "/Patient/nobody", "/Patient/a%20b", "/nowhere/at/all", ""]
)
def test_both_ways_give_the_same_bytes(vendor: str, below: str) -> None:
    path = f"/main{a_site().fhir_path if vendor == 'generic' else a_site(personality=vendor).fhir_path}"
    path = path.rstrip("/") + below
    _, short, _ = exchanged(a_site(personality=vendor), get(path))
    at_once, long, _ = exchanged(a_site(personality=vendor), get(path, LONG_WAY))
    assert at_once == b""
    assert short == long
    assert short.startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("path", ["/main/elsewhere", "/other/fhir/Patient", "/"])
def test_addresses_that_nobody_has_are_refused_alike(path: str) -> None:
    assert exchanged(a_site(), get(path))[1] == exchanged(a_site(), get(path, LONG_WAY))[1]


def test_a_read_is_answered_while_it_is_parsed() -> None:
    site = a_site()
    at_once, written, closed = exchanged(site, get(f"/main{site.fhir_path.rstrip('/')}/Patient/p1"))
    assert at_once == written
    assert at_once.startswith(b"HTTP/1.1 200 OK\r\n")
    assert not closed


def test_requests_in_one_piece_are_answered_in_order_whichever_way_they_go() -> None:
    base = f"/main{a_site().fhir_path.rstrip('/')}/Patient"
    asked = [get(f"{base}/p1"), get(f"{base}/p2", LONG_WAY), get(f"{base}/p3"), get(f"{base}/p4")]
    _, written, _ = exchanged(a_site(), "".join(asked))
    assert re.findall(rb'"resourceType":"Patient","id":"(p\d)"', written) == [b"p1", b"p2", b"p3", b"p4"]


def test_a_request_in_small_pieces_is_answered_once() -> None:
    site = a_site()
    request = get(f"/main{site.fhir_path.rstrip('/')}/Patient/p1")
    _, written, _ = exchanged(site, *request)
    assert written.count(b"HTTP/1.1 200 OK") == 1
    assert len(site.journal) == 1


@pytest.mark.parametrize(
    "request_text",
    [
        get("/main/fhir/Patient/p1", method="HEAD"),
        get("/main/fhir/Patient/p1", "Connection: close\r\n"),
        get("/main/fhir/Patient/p1", "Content-Length: 2\r\n") + "{}",
        "GET /main/fhir/Patient/p1 HTTP/1.0\r\nHost: ehr.example.org\r\n\r\n",
    ],
)
def test_what_is_not_plain_goes_the_long_way(request_text: str) -> None:
    at_once, written, _ = exchanged(a_site(), request_text.replace("/main/fhir", f"/main{a_site().fhir_path}"))
    assert at_once == b""
    assert written.startswith(b"HTTP/1.1 200 OK")


def test_a_disturbed_reply_is_cut_and_the_exchange_happened_once() -> None:
    site = a_site()
    site.arm({"use": "reset", "with": {"at": "before"}})
    at_once, written, closed = exchanged(site, get(f"/main{site.fhir_path.rstrip('/')}/Patient/p1"))
    assert (at_once, written, closed) == (b"", b"", True)
    assert len(site.journal) == 1


def test_a_delayed_arrival_is_performed_later_and_once() -> None:
    site = a_site()
    site.arm({"use": "latency", "with": {"delay": "5s", "before_work": True}})
    at_once, written, _ = exchanged(site, get(f"/main{site.fhir_path.rstrip('/')}/Patient/p1"))
    assert at_once == b""
    assert written.startswith(b"HTTP/1.1 200 OK")
    assert len(site.journal) == 1


@pytest.mark.parametrize("start", ["GET /main/", "GET /main/ HTTP/1.1\r\nX-Long: "])
def test_a_head_that_does_not_end_is_refused_and_not_collected(start: str) -> None:
    _, written, closed = exchanged(a_site(), start, *["a" * (1 << 16)] * 9)
    assert written.startswith(b"HTTP/1.1 431 ")
    assert written.count(b"HTTP/1.1") == 1
    assert closed


def test_a_head_of_many_pieces_within_the_limit_is_taken() -> None:
    site = a_site()
    path = f"/main{site.fhir_path.rstrip('/')}/metadata"
    pieces = [f"GET {path} HTTP/1.1\r\nHost: a\r\nX-Long: ", *["a" * (1 << 16)] * 7, "\r\n\r\n"]
    _, written, closed = exchanged(site, *pieces, get(path))
    assert written.count(b"HTTP/1.1 200 OK") == 2
    assert not closed
