"""Kick-offs, addresses and imports that nobody should send: answered or refused in words, and nothing is let out."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sites.exporter import ASYNC, ROOT, Exporter, site_of

from mockehr.core.exchange import Reply
from mockehr.journal import entry, line
from mockehr.sites.directory import channel_of

TEXTS = st.sampled_from(
    [
        "",
        " ",
        "\0",
        "é\u202e",
        "9" * 5000,
        "-1",
        "1e400",
        "x" * 70_000,
        ",,,",
        "\\",
        "*",
        "../../etc/passwd",
        "\r\nA: b",
    ]
) | st.text(max_size=30)
DATES = st.sampled_from(
    [
        "T",
        "0000-00-00T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:60-14:00",
        "2026-01-01T00:00:00 01:00",
    ]
)
SEARCHES = st.sampled_from(
    [
        "Patient",
        "Patient?",
        "Patient?:=",
        "Patient?_sort=-",
        "Patient?name=" + "," * 3000,
        "Patient?" + "_has:Observation:patient:" * 100 + "code=1",
        "Patient?" + "link:Patient." * 100 + "name=1",
        "Observation?date=gt9999-99",
        "Observation?value-quantity=gt" + "9" * 500,
        "Observation?code:in=http://x.example.org",
    ]
)
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 5, -5, 10**18, 10**400, 1e308, [], {}, [[]], {"reference": ["Patient/p0"]}]
)
VALUES = TEXTS | DATES | SEARCHES | ODD
NAMES = st.sampled_from(
    [
        "_outputFormat",
        "_since",
        "_type",
        "_typeFilter",
        "_elements",
        "includeAssociatedData",
        "patient",
        "_x",
        "\0",
        "",
    ]
)
KEYS = st.sampled_from(["valueString", "valueInstant", "valueReference", "part", "resource", "value"])
HOSTS = (
    "http://files.example.org@{}/x",
    "http://{}#@localhost/",
    "http://{}?@127.0.0.1/",
    "http://localhost@{}/",
    "http://127.0.0.1\\@{}/",
    "http://localhost.{}/",
    "//{}/x",
    "file:///etc/passwd",
    "http://[::ffff:192.0.2.1]/",
    "http://169.254.169.254/",
    "http://0.0.0.0/",
)
URLS = st.sampled_from([one.format("elsewhere.example.org") for one in HOSTS]) | TEXTS


@pytest.fixture(scope="module", params=["generic", "epic", "oracle"])
def client(request: Any) -> Exporter:
    return Exporter(site_of(request.param, patients=3), scopes="system/*.cruds")


@pytest.fixture(scope="module")
def importer() -> Exporter:
    return Exporter(site_of(patients=1), scopes="system/*.cruds")


def kept(client: Exporter, reply: Reply) -> None:
    """What every answer keeps: no 5xx, header lines that are lines, an entry that can be written."""
    assert reply.status < 500, reply
    assert not any(letter in name + value for name, value in reply.headers for letter in "\r\n\0")
    assert line(tuple(client.site.journal)[-1])


def body_of(pairs: list[tuple[str, str, Any]]) -> bytes:
    parts = [{"name": name, key: value} for name, key, value in pairs]
    return json.dumps({"resourceType": "Parameters", "parameter": parts}).encode()


@given(st.lists(st.tuples(NAMES, KEYS, VALUES), max_size=3), st.booleans(), st.sampled_from(["", "lenient"]))
def test_any_kick_off_is_taken_or_refused_and_what_is_taken_can_be_asked_after(
    client: Exporter, pairs: list[tuple[str, str, Any]], posted: bool, handling: str
) -> None:
    told = ASYNC | {"prefer": f"respond-async, handling={handling}", "content-type": "application/fhir+json"}
    for at in (client.group(), "/Patient"):
        url = f"{client.base}{at}/$export"
        if posted:
            reply = client.send("POST", url, told, body_of(pairs))
        else:
            query = "&".join(f"{quote(name)}={quote(str(value)[:5000])}" for name, _, value in pairs)
            reply = client.send("GET", f"{url}?{query}", told)
        kept(client, reply)
        if reply.status == 202:
            place = reply.header("Content-Location")
            client.site.clock.advance(100_000 if client.site.personality.name == "epic" else 1000)
            kept(client, client.send("GET", place))
            kept(client, client.send("DELETE", place))


@given(
    TEXTS, st.integers(0, 100), st.integers(0, 20), st.sampled_from(["range", "if-range", "accept-encoding"]), TEXTS
)
def test_an_address_that_was_tampered_with_leads_nowhere(
    client: Exporter, text: str, start: int, length: int, header: str, value: str
) -> None:
    places = [one for one in ("/bulk/jobs/a", "/bulk/files/a/Patient.0.1.ndjson") if channel_of(client.site, one)]
    for job in client.site.bulk.jobs()[:1]:
        places.append(client.site.bulk.addresses.status(ROOT + client.site.fhir_path, job.id, job.group)[len(ROOT) :])
    for place in places:
        put = place[: start + 6] + quote(text[:2000]) + place[start + 6 + length :]
        if channel_of(client.site, put.partition("?")[0]) is not None:
            kept(client, client.send("GET", ROOT + put, {header: value}))


def test_a_signed_address_lets_nobody_have_another_file_and_the_journal_does_not_tell_it() -> None:
    client = Exporter(site_of("oracle", patients=3))
    manifest = client.manifest(client.kick_off(client.group()))
    first, second = (
        client.send("GET", one["url"]).header("Location").replace("localhost", "h.example.org")
        for one in manifest["output"][:2]
    )
    assert client.send("GET", first, {"authorization": ""}).status == 200
    mixed = f"{second.partition('?')[0]}?{urlsplit(first).query}"
    assert client.send("GET", mixed, {"authorization": ""}).status == 403
    for text in ("0", "-1", "9" * 5000, "%00", "%D9%A3", "1e9"):
        longer = first.replace("X-Amz-Expires=", f"X-Amz-Expires={text}&X-Amz-Expires=")
        assert client.send("GET", longer, {"authorization": ""}).status == 403, text
    signature = first.rpartition("X-Amz-Signature=")[2].partition("&")[0]
    assert len(signature) > 20
    assert not [one for one in client.site.journal if signature in json.dumps(entry(one))]
    assert not [one for one in client.site.audit.accesses() if signature in json.dumps(one.as_json())]


@given(
    st.lists(st.tuples(st.sampled_from(["Patient", "Patient", "", "\0", "../x"]), URLS), max_size=3),
    st.lists(
        st.tuples(st.sampled_from(["inputFormat", "inputSource", "storageDetail", "input"]), KEYS, VALUES), max_size=2
    ),
    st.booleans(),
)
def test_any_import_is_taken_or_refused_and_nothing_is_fetched_from_elsewhere(
    importer: Exporter, inputs: list[tuple[str, str]], more: list[tuple[str, str, Any]], plain: bool
) -> None:
    parts = [
        {"name": "input", "part": [{"name": "type", "valueCode": kind}, {"name": "url", "valueUri": url}]}
        for kind, url in inputs
    ]
    told: dict[str, Any] = {"resourceType": "Parameters", "parameter": [*parts]}
    told["parameter"] += [{"name": name, key: value} for name, key, value in more]
    if plain:
        told = {"input": [{"type": kind, "url": url} for kind, url in inputs]}
        told |= {name: value for name, _, value in more}
    headers = ASYNC | {"content-type": "application/json" if plain else "application/fhir+json"}
    kept(importer, importer.send("POST", f"{importer.base}/$import", headers, json.dumps(told).encode()))
    for job in importer.site.imports.take_orders():
        for file in job.files:
            assert urlsplit(file.url).hostname in ("localhost", "localhost.", "127.0.0.1", "::1")
