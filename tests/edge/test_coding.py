"""gzip over a socket: who gets it, what is refused, what wire faults do to it."""

from __future__ import annotations

import gzip
import http.client
import zlib
from collections.abc import Iterator

import pytest

from mockehr.core.problem import Problem
from mockehr.edge.coding import compressed, decoded, takes_gzip
from mockehr.edge.server import Server, ThreadedServer
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions

PATIENT = b'{"resourceType":"Patient","name":[{"family":"Muster"}]}'


@pytest.fixture(scope="module")
def served() -> Iterator[ThreadedServer]:
    threaded = ThreadedServer(Server(Directory())).start()
    for name, vendor in (("a", "generic"), ("o", "oracle")):
        options = SiteOptions(name, vendor, patients=20, stepped=True, open_access=True)
        threaded.call(threaded.server.admit, build_site(options))
    yield threaded
    threaded.stop()


def ask(
    served: ThreadedServer, path: str, coding: str = "", method: str = "GET", body: bytes = b"", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", served.server.port, timeout=10)
    try:
        told = {"Accept-Encoding": coding or "identity", **{k.replace("_", "-"): v for k, v in headers.items()}}
        connection.request(method, path, body or None, told)
        answer = connection.getresponse()
        try:
            return answer, answer.read()
        except http.client.IncompleteRead as cut:
            return answer, cut.partial
    finally:
        connection.close()


def base(served: ThreadedServer, name: str = "a") -> str:
    site = next(one for one in served.server.directory if one.name == name)
    return f"/{name}{site.fhir_path.rstrip('/')}"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("form", ["json", "xml"])
def test_long_replies_are_compressed_for_those_who_take_it(served: ThreadedServer, method: str, form: str) -> None:
    path = f"{base(served)}/metadata?_format={form}"
    plain, whole = ask(served, path)
    answer, octets = ask(served, path, "gzip, deflate", method)
    assert (plain.getheader("Content-Encoding"), plain.getheader("Vary")) == (None, "Accept-Encoding")
    assert (answer.getheader("Content-Encoding"), answer.getheader("Vary")) == ("gzip", "Accept-Encoding")
    assert answer.getheader("Content-Type") == plain.getheader("Content-Type")
    assert int(answer.getheader("Content-Length") or 0) == len(compressed(whole)) < len(whole) / 3
    assert octets == (b"" if method == "HEAD" else compressed(whole))
    assert gzip.decompress(compressed(whole)) == whole


def test_both_ways_through_the_edge_give_the_same(served: ThreadedServer) -> None:
    path = f"{base(served)}/metadata"
    short, long = ask(served, path, "gzip"), ask(served, path, "gzip", X_Forwarded_For="10.0.0.1")
    assert short[1] == long[1]
    changing = ("x-mockehr-entry", "date")
    assert [pair for pair in map(lowered, short[0].getheaders()) if pair[0] not in changing] == [
        pair for pair in map(lowered, long[0].getheaders()) if pair[0] not in changing
    ]


def lowered(pair: tuple[str, str]) -> tuple[str, str]:
    return pair[0].lower(), pair[1]


def test_short_replies_go_out_as_they_are(served: ThreadedServer) -> None:
    answer, body = ask(served, f"{base(served)}/Patient/nobody", "gzip")
    assert (answer.status, answer.getheader("Content-Encoding"), answer.getheader("Vary")) == (404, None, None)
    assert body.startswith(b"{")


def test_a_vendors_own_vary_stays(served: ThreadedServer) -> None:
    answer, _ = ask(served, f"{base(served, 'o')}/metadata", "gzip")
    assert sorted((answer.getheader("Vary") or "").split(", ")) == ["Accept-Encoding", "Origin"]


def test_a_site_may_be_told_not_to_compress(served: ThreadedServer) -> None:
    options = SiteOptions("n", patients=0, stepped=True, open_access=True, settings={"media": {"gzip": False}})
    served.call(served.server.admit, build_site(options))
    answer, body = ask(served, f"{base(served, 'n')}/metadata", "gzip")
    assert (answer.getheader("Content-Encoding"), answer.getheader("Vary")) == (None, None)
    assert body.startswith(b"{")


def test_the_journal_keeps_what_was_said(served: ThreadedServer) -> None:
    _, whole = ask(served, f"{base(served)}/metadata")
    ask(served, f"{base(served)}/metadata", "gzip")
    site = next(one for one in served.server.directory if one.name == "a")
    last = list(site.journal)[-1]
    assert last.reply is not None
    assert last.reply.body == whole


def test_a_cut_is_made_at_the_same_share_of_the_compressed_octets(served: ThreadedServer) -> None:
    site = next(one for one in served.server.directory if one.name == "a")
    path = f"{base(served)}/metadata"
    _, whole = ask(served, path, "gzip")
    rule = served.call(site.arm, {"use": "truncated-body", "with": {"share": 0.25}})
    try:
        answer, part = ask(served, path, "gzip")
    finally:
        served.call(site.disarm, rule)
    assert int(answer.getheader("Content-Length") or 0) == len(whole)
    assert abs(len(part) - len(whole) / 4) <= 1
    assert whole.startswith(part)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", "identity"])
def test_bodies_may_come_in_gzip(served: ThreadedServer, coding: str) -> None:
    body = PATIENT if coding == "identity" else gzip.compress(PATIENT)
    told = {"Content_Type": "application/fhir+json", "Content_Encoding": coding}
    answer, made = ask(served, f"{base(served)}/Patient", "", "POST", body, **told)
    assert answer.status == 201
    assert b"Muster" in made


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        ("br", PATIENT, 415),
        ("gzip, gzip", PATIENT, 415),
        ("gzip", PATIENT, 400),
        ("gzip", gzip.compress(PATIENT)[:-4], 400),
        ("gzip", gzip.compress(bytes(64 << 20)), 413),
    ],
    ids=["another-coding", "twice", "no-gzip", "cut", "bomb"],
)
def test_bodies_that_cannot_be_unpacked_are_refused_as_the_vendor_refuses(
    served: ThreadedServer, coding: str, body: bytes, status: int
) -> None:
    told = {"Content_Type": "application/fhir+json", "Content_Encoding": coding}
    answer, said = ask(served, f"{base(served)}/Patient", "", "POST", body, **told)
    assert answer.status == status
    assert b"OperationOutcome" in said


def test_what_is_unpacked_is_bounded_before_it_is_unpacked() -> None:
    machine = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(machine.compress(bytes(1 << 20)) for _ in range(100)) + machine.flush()
    assert len(bomb) < 200_000
    found = decoded(bomb, "gzip", 1000)
    assert isinstance(found, Problem)
    assert found.status == 413


def test_several_members_are_one_body() -> None:
    assert decoded(gzip.compress(b"ab") + gzip.compress(b"c"), "gzip", 3) == b"abc"
    assert isinstance(decoded(gzip.compress(b"ab") + gzip.compress(b"c"), "gzip", 2), Problem)
    assert decoded(b"", "gzip", 3) == b""


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, GZip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0, *", False),
        ("*", True),
        ("*;q=0", False),
        ("br, identity", False),
        ("x-gzip", True),
        ("gzip;q=wrong", True),
    ],
)
def test_gzip_is_for_those_who_take_it(header: str, takes: bool) -> None:
    assert takes_gzip(header) is takes
