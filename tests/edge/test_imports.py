"""Imports over real sockets: files are fetched from a server, stored, and told of; one site's export is another's."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
from tests.sites.exporter import Exporter

from mockehr.edge.imports import AT_ONCE
from mockehr.edge.server import Server, ThreadedServer
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

ASYNC = {"Prefer": "respond-async"}


class Files:
    """A server of files: what a path holds, and how it is told."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.told: dict[str, dict[str, str]] = {}
        self.status: dict[str, int] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[str] = []
        self.arrived = threading.Semaphore(0)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.arrived.release()
                outer.gate.wait(10)
                self.send_response(outer.status.get(self.path, 200))
                for name, value in outer.told.get(self.path, {}).items():
                    self.send_header(name, value)
                body = outer.held.get(self.path, b"")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def put(self, path: str, *lines: Any, packed: bool = False, **told: str) -> str:
        """Put lines (objects, or octets as they are) at a path; returns its address."""
        octets = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        self.held[path] = gzip.compress(octets) if packed else octets
        self.told[path] = {name.replace("_", "-"): value for name, value in told.items()}
        return self.url + path


@pytest.fixture
def files() -> Iterator[Files]:
    made = Files()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.gate.set()
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def server() -> Iterator[ThreadedServer]:
    threaded = ThreadedServer(Server(Directory())).start()
    yield threaded
    threaded.stop()


class Importer:
    """A client with a token for one served site."""

    def __init__(self, server: ThreadedServer, site: Site, scopes: str = "system/*.cruds") -> None:
        self.site = site
        self.base = f"{server.server.url}/{site.name}{site.fhir_path}"
        self.headers = Exporter(site, scopes=scopes).headers

    def order(self, *inputs: tuple[str, str], **plain: Any) -> httpx2.Response:
        """Kick off an import of (type, URL) pairs, as Parameters."""
        parts = [
            {"name": "input", "part": [{"name": "type", "valueCode": kind}, {"name": "url", "valueUri": url}]}
            for kind, url in inputs
        ]
        form = {"name": "inputFormat", "valueCode": "application/fhir+ndjson"}
        body = plain or {"resourceType": "Parameters", "parameter": [form, *parts]}
        headers = ASYNC | {"Content-Type": "application/json" if plain else "application/fhir+json"}
        told = self.headers | headers
        return httpx2.post(
            f"{self.base}/$import", content=json.dumps(body), headers=told, timeout=30, trust_env=False
        )

    def get(self, url: str) -> httpx2.Response:
        return httpx2.get(url, headers=self.headers, timeout=30, trust_env=False)

    def delete(self, url: str) -> httpx2.Response:
        return httpx2.delete(url, headers=self.headers, timeout=30, trust_env=False)

    def imported(self, *inputs: tuple[str, str]) -> dict[str, Any]:
        """The manifest of an import, once the clock has moved on."""
        ordered = self.order(*inputs)
        assert ordered.status_code == 202, ordered.text
        place = ordered.headers["content-location"]
        before = self.get(place)
        assert before.status_code == 202
        assert before.headers["retry-after"] == "5"
        self.site.clock.advance(5)
        answer = self.get(place)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def errors(self, listed: dict[str, Any]) -> list[dict[str, Any]]:
        """The issues of an error file."""
        answer = self.get(listed["url"])
        assert answer.headers["content-type"] == "application/fhir+ndjson"
        lines = [json.loads(line) for line in answer.content.splitlines()]
        assert {line["resourceType"] for line in lines} <= {"OperationOutcome"}
        return [line["issue"][0] for line in lines]


def empty(server: ThreadedServer, name: str = "empty", **settings: Any) -> Site:
    site = build_site(SiteOptions(name, patients=0, stepped=True, settings={"import": settings}))
    server.server.directory.add(site)
    return site


def person(id: str = "", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **({"id": id} if id else {}), "gender": "female", **more}


def test_lines_are_created_and_updated_and_bad_ones_lose_nothing_else(server: ThreadedServer, files: Files) -> None:
    site = empty(server)
    old = site.store.commit(person("old"), kind="create", source="control")
    patients = files.put(
        "/patients",
        person("old", birthDate="1950-01-01"), b"{no json", person("new"), b"", person("bad", gender="x"), person(),
        {"resourceType": "Condition", "id": "c"}, person("no/id"),
    )  # fmt: skip
    manifest = Importer(server, site).imported(("Patient", patients))
    assert manifest["output"] == [{"type": "Patient", "inputUrl": patients, "count": 3}]
    (error,) = manifest["error"]
    assert (error["type"], error["inputUrl"], error["count"]) == ("OperationOutcome", patients, 4)
    issues = Importer(server, site).errors(error)
    lines = [issue["diagnostics"].removeprefix(f"{patients}: ").partition(":")[0] for issue in issues]
    assert lines == ["line 2", "line 5", "line 7", "line 8"]
    assert issues[1]["expression"] == ["Patient.gender"]
    stored = {record.id: record for record in site.store.overlay("Patient")}
    assert len(stored) == 3
    assert stored["old"].version == old.version + 1
    assert stored["old"].document["birthDate"] == "1950-01-01"
    assert manifest["request"].endswith("/$import")


def test_a_file_is_all_or_nothing_where_that_is_set(server: ThreadedServer, files: Files) -> None:
    site = empty(server, atomic="file")
    bad = files.put("/bad", *(person(f"a{n}") for n in range(50)), person("bad", gender="x"))
    good = files.put("/good", *(person(f"b{n}") for n in range(50)))
    client = Importer(server, site)
    manifest = client.imported(("Patient", bad), ("Patient", good))
    assert [one["count"] for one in manifest["output"]] == [0, 50]
    assert [one["inputUrl"] for one in manifest["error"]] == [bad]
    told = [issue["diagnostics"] for issue in client.errors(manifest["error"][0])]
    assert "line 51" in told[0]
    assert "nothing of it was stored" in told[1]
    assert {record.id for record in site.store.overlay("Patient")} == {f"b{n}" for n in range(50)}


def test_what_cannot_be_fetched_is_told_and_the_rest_is_stored(server: ThreadedServer, files: Files) -> None:
    site = empty(server, file_octets=2000)
    good = files.put("/good", person("one"), packed=True)
    coded = files.put("/coded", person("two"), packed=True, Content_Encoding="gzip")
    gone = files.put("/gone")
    files.status["/gone"] = 404
    moved = files.put("/moved", Location=good)
    files.status["/moved"] = 302
    large = files.put("/large", *(person(f"p{n}") for n in range(99)))
    bomb = files.put("/bomb", *(person("p") for n in range(9999)), packed=True)
    twice = files.put("/twice", gzip.compress(gzip.compress(b"\n" * 10_000_000)), Content_Encoding="gzip, gzip")
    nobody = "http://127.0.0.1:1/nobody"
    every = [("Patient", url) for url in (gone, moved, large, bomb, twice, nobody, good, coded)]
    client = Importer(server, site)
    manifest = client.imported(*every)
    assert [one["count"] for one in manifest["output"]] == [0, 0, 0, 0, 0, 0, 1, 1]
    told = {one["inputUrl"]: client.errors(one)[0]["diagnostics"] for one in manifest["error"]}
    assert list(told) == [gone, moved, large, bomb, twice, nobody]
    assert "404" in told[gone]
    assert "redirects are not followed" in told[moved]
    assert "larger than 2000 octets" in told[large]
    assert "2000 octets" in told[bomb]
    assert "the content coding gzip, gzip is not supported" in told[twice]
    assert all("cannot be fetched" in text for text in told.values())
    assert {record.id for record in site.store.overlay("Patient")} == {"one", "two"}


def test_some_imports_are_carried_out_at_once_and_others_wait_for_their_turn(
    server: ThreadedServer, files: Files
) -> None:
    client = Importer(server, empty(server))
    files.gate.clear()
    urls = [files.put(f"/{n}", person(f"p{n}")) for n in range(AT_ONCE + 3)]
    places = [client.order(("Patient", url)).headers["content-location"] for url in urls]
    for _ in range(AT_ONCE):
        assert files.arrived.acquire(timeout=10)
    assert [client.get(place).status_code for place in places] == [202] * len(urls)
    assert len(files.asked) == AT_ONCE
    cancelled = places.pop()
    assert client.delete(cancelled).status_code == 202
    files.gate.set()
    client.site.clock.advance(5)
    assert [client.get(place).json()["output"][0]["count"] for place in places] == [1] * len(places)
    assert client.get(cancelled).status_code == 404
    assert sorted(files.asked) == [f"/{n}" for n in range(AT_ONCE + 2)]


def test_an_import_that_is_cancelled_stores_no_more(server: ThreadedServer, files: Files) -> None:
    site = empty(server)
    url = files.put("/slow", *(person(f"p{n}") for n in range(500)))
    files.gate.clear()
    client = Importer(server, site)
    place = client.order(("Patient", url)).headers["content-location"]
    assert client.delete(place).status_code == 202
    files.gate.set()
    assert client.get(place).status_code == 404
    after = files.put("/after", person("after"))
    client.imported(("Patient", after))
    stored = {record.id for record in site.store.overlay("Patient")}
    assert "after" in stored
    assert len(stored) < 500


def test_an_import_is_its_own_clients(server: ThreadedServer, files: Files) -> None:
    site = empty(server)
    place = Importer(server, site).order(("Patient", files.put("/f", person("p")))).headers["content-location"]
    other = Exporter(site, client="other").headers
    assert httpx2.get(place, headers=other, trust_env=False).status_code == 404
    assert httpx2.get(place, trust_env=False).status_code == 401


@pytest.mark.parametrize("keep_meta", [False, True])
def test_one_sites_export_is_anothers_import(server: ThreadedServer, files: Files, keep_meta: bool) -> None:
    source = build_site(SiteOptions("source", patients=8, stepped=True))
    target = empty(server, "target", keep_meta=keep_meta)
    exported = Exporter(source).export("/Patient")
    by_type: dict[str, list[bytes]] = {}
    for key, octets in exported.items():
        by_type.setdefault(key.partition("/")[0], []).append(octets)
    inputs = [(kind, files.put(f"/{kind}", *lines, packed=True)) for kind, lines in by_type.items()]
    manifest = Importer(server, target).imported(*inputs)
    assert manifest["error"] == []
    assert [one["count"] for one in manifest["output"]] == [len(lines) for lines in by_type.values()]
    assert len(by_type) > 15
    stored = {record.key: record.body for record in target.store.written()}
    if keep_meta:
        assert stored == exported
    else:
        assert stored.keys() == exported.keys()
        assert all(_bare(stored[key]) == _bare(octets) for key, octets in exported.items())
    if keep_meta:  # and what comes out of there is what went in
        assert server.call(lambda: Exporter(target).export()) == exported


def _bare(octets: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(octets)
    meta = document.pop("meta", {})
    return document | {"kept": {name: meta[name] for name in meta if name not in ("versionId", "lastUpdated")}}


def test_what_is_asked_for_as_plain_json_is_imported_alike(server: ThreadedServer, files: Files) -> None:
    site = empty(server)
    client = Importer(server, site)
    ordered = client.order(
        inputFormat="application/fhir+ndjson", inputSource="https://h.example.org", storageDetail={"type": "https"},
        input=[{"type": "Patient", "url": files.put("/f", person("p"))}],
    )  # fmt: skip
    assert ordered.status_code == 202, ordered.text
    site.clock.advance(10)
    assert client.get(ordered.headers["content-location"]).json()["output"][0]["count"] == 1
