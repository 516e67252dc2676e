"""Files of an export: whole, in parts, compressed, disturbed; and what the journal keeps of it."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from tests.sites.exporter import Exporter, site_of

from mockehr.core.exchange import Reply
from mockehr.sites.site import Site


def fetched(site: Site, headers: dict[str, str] | None = None, method: str = "GET") -> Reply:
    client = Exporter(site)
    manifest = client.manifest(client.kick_off("/Patient", "?_type=Patient"))
    return client.send(method, manifest["output"][0]["url"], headers)


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=5-999999999", 206, slice(5, None)),
        ("bytes=999999999-", 416, slice(0, 0)),
        ("bytes=9-5", 200, slice(None)),
        ("bytes=0-1,3-4", 200, slice(None)),
        ("lines=0-1", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
    ],
)
def test_a_range_gives_its_octets_and_says_which(wanted: str, status: int, part: slice) -> None:
    site = site_of(patients=5)
    whole = fetched(site).body
    reply = fetched(site, {"range": wanted, "accept-encoding": "gzip"} if status != 200 else {"range": wanted})
    assert (reply.status, reply.body) == (status, whole[part])
    assert reply.header("Accept-Ranges") == "bytes"
    if status == 206:
        first, last = range(len(whole))[part][0], range(len(whole))[part][-1]
        assert reply.header("Content-Range") == f"bytes {first}-{last}/{len(whole)}"
    if status == 416:
        assert reply.header("Content-Range") == f"bytes */{len(whole)}"


def test_a_range_of_another_version_gives_the_whole() -> None:
    site = site_of(patients=5)
    tag = fetched(site).header("ETag")
    assert fetched(site, {"range": "bytes=0-9", "if-range": tag}).status == 206
    assert fetched(site, {"range": "bytes=0-9", "if-range": '"other"'}).status == 200


def test_files_are_sent_compressed_as_they_lie() -> None:
    site = site_of(patients=5)
    plain, packed = fetched(site), fetched(site, {"accept-encoding": "gzip, br"})
    assert packed.header("Content-Encoding") == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.header("ETag") != plain.header("ETag")
    assert plain.header("Content-Type") == "application/fhir+ndjson"
    assert not plain.header("Content-Encoding")
    assert any(
        packed.body is segment.packed for _, segments in site.bulk.shelf._chunks.values() for segment in segments
    )


def test_rules_that_are_armed_on_files_see_their_lines() -> None:
    site = site_of(patients=5)
    site.arm({"use": "truncated-body", "name": "cut", "where": {"channel": "files", "interaction": "bulk-file"}})
    reply = fetched(site, {"accept-encoding": "gzip"})
    assert not reply.header("Content-Encoding")
    assert reply.body.startswith(b'{"resourceType":"Patient"')
    decided = [decision.outcome for exchange in site.journal for decision in exchange.decisions]
    assert decided.count("fired") == 1


def test_the_journal_names_what_was_done_with_a_job() -> None:
    site = site_of(patients=2)
    client = Exporter(site)
    reply = client.kick_off("/Patient", "?_type=Patient")
    where = reply.header("Content-Location")
    manifest = client.manifest(reply)
    client.fetch(manifest["output"][0])
    client.send("DELETE", where)
    told = [exchange for exchange in site.journal if "job" in exchange.notes]
    assert {exchange.notes["job"] for exchange in told} == {where.rpartition("/")[2]}
    names = [exchange.interaction.name for exchange in told if exchange.interaction is not None]
    assert names == ["$export", "bulk-status", "bulk-file", "bulk-delete"]
    assert told[2].notes["lines"] == 2
    assert {exchange.client for exchange in told} == {"c"}


def test_the_journal_lets_go_of_octets_that_were_sent_and_shows_the_same_as_before() -> None:
    from mockehr.journal.entry import entry

    site = site_of(patients=5)
    assert fetched(site).body
    exchange = list(site.journal)[-1]
    before = entry(exchange)
    site.journal.release(exchange)
    assert exchange.reply is not None
    assert exchange.reply.body == b""
    assert entry(exchange) == before
    assert before["reply"]["octets"] > 1000


def test_other_methods_are_refused_and_heads_are_answered() -> None:
    site = site_of(patients=2)
    client = Exporter(site)
    where = client.kick_off("/Patient", "?_type=Patient").header("Content-Location")
    assert client.send("POST", where).status == 405
    assert client.send("OPTIONS", where, {"authorization": ""}).header("Allow") == "GET, DELETE, OPTIONS"
    assert fetched(site, method="HEAD").status == 200
    assert fetched(site, method="PUT").header("Allow") == "GET, HEAD"


@pytest.mark.parametrize("name", ["Patient.0.2", "Patient.99.1", "Patent.0.1", "Patient.0", "deleted.0.1", "x" * 500])
def test_files_that_were_never_listed_are_not_found(name: str) -> None:
    site = site_of(patients=2)
    client = Exporter(site)
    manifest: dict[str, Any] = client.manifest(client.kick_off("/Patient", "?_type=Patient"))
    url = manifest["output"][0]["url"].replace("Patient.0.1", name)
    missing = client.send("GET", url)
    assert missing.status == 404
    assert json.loads(missing.body)["resourceType"] == "OperationOutcome"


def test_whoever_asks_later_needs_a_token_that_covers_the_types_too() -> None:
    site = site_of(patients=2)
    client = Exporter(site)
    reply = client.kick_off("/Patient", "?_type=Patient,Observation")
    output = client.manifest(reply)["output"]
    less = Exporter(site, scopes="system/Patient.rs")
    assert less.send("GET", reply.header("Content-Location")).status == 403
    assert {listed["type"]: less.send("GET", listed["url"]).status for listed in output} == {
        "Patient": 200,
        "Observation": 403,
    }
    confined = Exporter(site, scopes="patient/*.rs", patient="p1")
    assert confined.send("GET", output[0]["url"]).status == 403


def test_files_without_a_token_are_given_where_the_manifest_says_so() -> None:
    site = site_of(patients=2, bulk={"requires_access_token": False})
    client = Exporter(site)
    manifest = client.manifest(client.kick_off("/Patient", "?_type=Patient"))
    assert manifest["requiresAccessToken"] is False
    assert client.send("GET", manifest["output"][0]["url"], {"authorization": ""}).status == 200
