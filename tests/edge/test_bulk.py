"""Exports over real sockets: files whole, in parts, compressed, by redirect, cut; and work that blocks nobody."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.sites.exporter import Exporter, truth

from mockehr.edge.bulk import tend
from mockehr.edge.server import Server, ThreadedServer
from mockehr.fhir.bulk.job import Segment
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

ASYNC = {"Prefer": "respond-async"}


class Wire:
    """A client on a socket."""

    def __init__(self, server: ThreadedServer, site: Site) -> None:
        self.url = f"{server.server.url}/{site.name}{site.fhir_path}"
        self.token = Exporter(site).headers

    def send(self, method: str, url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        told = urlsplit(url)
        assert told.hostname is not None
        connection = http.client.HTTPConnection(told.hostname, told.port, timeout=30)
        bearer = {} if headers.pop("bare", "") else self.token
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"{told.path}{'?' if told.query else ''}{told.query}", headers=bearer | named)
        answer = connection.getresponse()
        try:
            octets = answer.read()
        except http.client.IncompleteRead as part:
            octets = part.partial
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, octets

    def manifest(self, site: Site, at: str, query: str = "") -> dict[str, Any]:
        status, headers, _ = self.send("GET", f"{self.url}{at}/$export{query}", **ASYNC)
        assert status == 202
        assert self.send("GET", headers["content-location"])[0] == 202
        site.clock.advance(3600)
        status, _, octets = self.send("GET", headers["content-location"])
        assert status == 200
        made: dict[str, Any] = json.loads(octets)
        return made


@pytest.fixture
def server() -> Iterator[ThreadedServer]:
    threaded = ThreadedServer(Server(Directory())).start()
    yield threaded
    threaded.stop()


def served(server: ThreadedServer, vendor: str = "generic", patients: int = 12) -> Site:
    site = build_site(SiteOptions(vendor, vendor, patients=patients, stepped=True, settings={"bulk": {"chunk": 5}}))
    server.server.directory.add(site)
    return site


def test_every_record_comes_over_the_wire(server: ThreadedServer) -> None:
    site = served(server)
    wire = Wire(server, site)
    got: dict[str, bytes] = {}
    for listed in wire.manifest(site, "/Patient")["output"]:
        status, headers, octets = wire.send("GET", listed["url"], Accept_Encoding="gzip")
        assert (status, headers["content-encoding"], headers["content-type"]) == (
            200,
            "gzip",
            "application/fhir+ndjson",
        )
        assert int(headers["content-length"]) == len(octets)
        lines = gzip.decompress(octets).splitlines()
        assert len(lines) == listed["count"]
        got.update((f"{listed['type']}/{json.loads(line)['id']}", line) for line in lines)
    assert got == truth(site)
    files = [exchange for exchange in site.journal if exchange.channel == "files"]
    assert all(exchange.notes["sent"][0] for exchange in files[2:])
    kept = [len(exchange.reply.body) for exchange in files if exchange.reply is not None]
    assert kept[1] > 1000, "the manifest"
    assert not any(kept[2:])
    assert not any(isinstance(exchange.result, Segment) for exchange in files)


def test_a_file_can_be_fetched_in_parts_and_asked_for_its_length(server: ThreadedServer) -> None:
    site = served(server)
    wire = Wire(server, site)
    url = wire.manifest(site, "/Patient", "?_type=Observation")["output"][0]["url"]
    _, head, nothing = wire.send("HEAD", url)
    _, _, whole = wire.send("GET", url)
    assert (int(head["content-length"]), nothing) == (len(whole), b"")
    parts, at = [], 0
    while at < len(whole):
        status, headers, part = wire.send("GET", url, Range=f"bytes={at}-{at + 99_999}", Accept_Encoding="gzip")
        assert status == 206
        assert headers["content-range"] == f"bytes {at}-{at + len(part) - 1}/{len(whole)}"
        assert "content-encoding" not in headers
        parts.append(part)
        at += len(part)
    assert len(parts) > 2
    assert b"".join(parts) == whole
    assert wire.send("GET", url, Range=f"bytes={at}-")[0] == 416


def test_a_redirect_leads_to_an_address_that_wants_no_token(server: ThreadedServer) -> None:
    site = served(server, "oracle", 2)
    wire = Wire(server, site)
    assert site.charts is not None
    group = site.charts.groups.id_of("everyone")
    listed = wire.manifest(site, f"/Group/{group}", "?_type=Patient")["output"][0]
    status, headers, _ = wire.send("GET", listed["url"])
    assert status == 307
    there = urlsplit(headers["location"])
    assert (there.hostname, urlsplit(listed["url"]).hostname) == ("localhost", "127.0.0.1")  # another origin
    assert wire.send("GET", headers["location"])[0] == 400  # where a token must not be taken along
    status, _, octets = wire.send("GET", headers["location"], bare="yes", Range="bytes=0-15")
    assert (status, octets) == (206, b'{"resourceType":')
    assert len(wire.send("GET", headers["location"], bare="yes")[2].splitlines()) == 2


def test_what_rules_do_to_files_happens_on_the_wire(server: ThreadedServer) -> None:
    site = served(server)
    wire = Wire(server, site)
    url = wire.manifest(site, "/Patient", "?_type=Observation")["output"][0]["url"]
    whole = wire.send("GET", url)[2]
    site.arm({"use": "truncated-body", "name": "cut", "where": {"channel": "files"}, "when": {"first": 1}})
    status, headers, part = wire.send("GET", url, Accept_Encoding="identity")
    assert (status, int(headers["content-length"])) == (200, len(whole))
    assert 0 < len(part) < len(whole)
    assert whole.startswith(part)
    assert wire.send("GET", url, Range=f"bytes={len(part)}-")[2] == whole[len(part) :]


def test_the_work_goes_on_in_slices_until_there_is_none() -> None:
    site = build_site(SiteOptions("a", patients=11, stepped=True, settings={"bulk": {"chunk": 5}}))
    exporter = Exporter(site)
    reply = exporter.kick_off("/Patient")
    slices = 0
    while tend(site) == 0.0:
        slices += 1
    assert slices > 6
    assert tend(site) > 0
    assert list(site.bulk.steps(site.bulk.jobs()[0])) == [], "nothing is left to make"
    site.clock.advance(3600)
    assert exporter.send("GET", reply.header("Content-Location")).status == 200


def test_a_poll_does_not_wait_for_a_large_export_where_time_passes(server: ThreadedServer) -> None:
    settings = {"bulk": {"at_least": 0, "per_patient": 0}}
    site = build_site(SiteOptions("large", patients=120, settings=settings))
    server.server.directory.add(site)
    wire = Wire(server, site)
    status, headers, _ = wire.send("GET", f"{wire.url}/Patient/$export", **ASYNC)
    where = headers["content-location"]
    # Whether somebody tends the exports already, a moment after the start, does not matter: it is made certain here.
    server.call(lambda: tend(site))
    status, headers, _ = wire.send("GET", where)
    assert (status, headers["x-progress"], headers["retry-after"]) == (202, "99% complete", "5")
    polls = 0
    while wire.send("GET", where)[0] == 202:
        polls += 1
    manifest = json.loads(wire.send("GET", where)[2])
    assert polls >= 1
    assert sum(one["count"] for one in manifest["output"] if one["type"] == "Patient") == 120
