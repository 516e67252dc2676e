"""Addresses, methods, headers and parameters that nobody should send: answered or refused, in words."""

from __future__ import annotations

from typing import Any

import pytest

PATIENT = {"resourceType": "Patient"}
IDS = (
    "a" * 65,
    "a" * 100_000,
    "%00",
    "\0",
    "..",
    ".",
    "a b",
    " ",
    "%2e%2e",
    "a%2fb",
    "é",
    "\u202e",
    "'",
    "a;b",
    "$",
    "*",
)


@pytest.mark.parametrize("id", IDS, ids=lambda id: f"{id[:6]!r} ({len(id)})")
def test_an_id_that_is_none_leads_nowhere_and_is_never_stored(hostile_site: Any, send: Any, id: str) -> None:
    site = hostile_site()
    for request in ("GET /Patient/{}", "GET /Patient/{}/_history/1", "GET /Patient/{}/_history", "GET /Patient/{}/*"):
        assert send(site, request.format(id)).status in (400, 404)
    if id not in (".", ".."):  # ids, as R4 defines them
        assert send(site, f"PUT /Patient/{id}", {**PATIENT, "id": id}).status in (400, 404, 405, 422)
        assert send(site, f"DELETE /Patient/{id}").status in (204, 404, 405)
        assert site.store.last == 0


@pytest.mark.parametrize(
    "path",
    [
        "//",
        "///Patient/1",
        "//Patient//1//",
        "/Patient//_history",
        "/patient",
        "/Patient/1/2/3/4",
        "/_history/1",
        "/$",
        "/$nothing",
        "/Patient/$",
        "/Patient/1/$nothing",
        "/Foo",
        "/Foo/1/Bar",
        "/Patient/1/Foo",
        "/Patient/../Patient",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/Patient/1/_history/",
        "/Patient/1/_history/é",
        "/\0",
        "/Parameters",
        "/Patient,Foo",
        "/" + "a" * 100_000,
        "/" + "a/" * 50_000,
        "/Patient/" + "x" * 100_000,
    ],
    ids=lambda path: f"{path[:24]!r} ({len(path)})",
)
@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_any_address_is_answered_to_any_method(hostile_site: Any, send: Any, vendor: str, path: str) -> None:
    site = hostile_site(vendor, patients=2)
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW", "get", ""):
        send(site, f"{method} {path}", PATIENT)
    assert site.store.last == 0


def test_a_method_that_an_address_does_not_have_is_a_405_that_says_what_it_has(hostile_site: Any, send: Any) -> None:
    answer = send(hostile_site(), "BREW /Patient/1")
    assert answer.status == 405
    assert "GET, PUT, PATCH, DELETE" in answer.words


def test_long_addresses_are_not_remembered(hostile_site: Any, send: Any) -> None:
    site = hostile_site()
    for number in range(50):
        send(site, f"GET /Patient/{number}{'x' * 10_000}")
    assert sum(len(path) for _, path in site.fhir._named) < 10_000


HEADERS = (
    "prefer",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-none-exist",
    "accept",
    "content-encoding",
    "authorization",
    "x-security-context",
    "idempotency-key",
    "accept-charset",
    "range",
)
GARBAGE = (
    "",
    " ",
    ",",
    "=",
    ";;;",
    "*",
    "W/",
    '"',
    'W/"',
    "\x01\x7f",
    "é\xff",
    "q=",
    "*/*;q=nan",
    "*/*;q=-1",
    "x" * 65_536,
    "," * 65_536,
    ";" * 65_536,
    "Mon, 99 Feb 99999 99:99:99 GMT",
    "Sun, 06 Nov 1994 08:49:37 +9999",
    "0",
    "return=",
    "identifier=" + "x" * 65_536,
    "?" * 1000,
    "a=b",
    "_count=1",
    "handling=strict",
)


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_any_header_is_obeyed_ignored_or_refused(hostile_site: Any, send: Any, vendor: str, header: str) -> None:
    settings = {
        "interactions": {"types": {"Patient": ["read", "vread", "search", "create", "update", "patch", "delete"]}},
        "write": {"update_create": True, "idempotency_header": "Idempotency-Key"},
    }
    site = hostile_site(vendor, settings=settings)
    for garbage in GARBAGE:
        named = {header.replace("-", "_"): garbage}
        send(site, "PUT /Patient/1", {**PATIENT, "id": "1"}, **named)
        send(site, "POST /Patient", PATIENT, **named)
        send(site, "PATCH /Patient/1", [], **({"content_type": "application/json-patch+json"} | named))
        send(site, "GET /Patient/1", **named)
        send(site, "GET /Patient", **named)
        send(site, "DELETE /Patient/1", **named)


QUERIES = {
    "names without sense": "?:=1&=&==&.=1&:exact=1&.name=2&_has=1&_has:=1&_has::::=1&_sort=-&_include=:::&a.b.c=1",
    "a negative count": "?_count=-1",
    "a large count": "?_count=1000000000",
    "5000 digits": f"?_count={'9' * 5000}",
    "other digits": "?_count=٣",
    "a bar": "?identifier=|",
    "too many bars": "?identifier=a|b|c|d",
    "backslashes": f"?name={'%5C' * 3000}",
    "commas": f"?name={',' * 30_000}",
    "_has 100 deep": f"?{'_has:Observation:patient:' * 100}code=1",
    "a chain of 100": f"?{'link:Patient.' * 100}name=1",
    "1000 sort keys": f"?_sort={','.join(['family', '-birthdate'] * 500)}",
    "10 000 parameters": "?" + "&".join(["a=b"] * 10_000),
    "1000 includes": "?" + "&".join(["_include=*"] * 1000),
    "no date": "?birthdate=2023-13-45&birthdate=ge&birthdate=2023-02-30",
    "bytes that are no text": "?name=%ff%fe%00",
    "no such page": "?_page=x&_page=%00",
    "all that shapes": "?_summary=x&_total=y&_contained=z&_containedType=w&_elements=.&_format=q&_pretty=p",
}


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_any_search_is_answered_or_refused(hostile_site: Any, send: Any, vendor: str, name: str) -> None:
    site = hostile_site(vendor, patients=5)
    for prefer in ("handling=lenient", "handling=strict"):
        for where in ("/Patient", "/Observation", "/", "/Patient/x/Observation", "/Patient/_history", "/_history"):
            send(site, f"GET {where}{QUERIES[name]}", prefer=prefer)
        send(site, "POST /Patient/_search", QUERIES[name][1:].encode(), prefer=prefer)


@pytest.mark.parametrize("query", ["_count=1", "_format=json", "identifier=", "_sort=_id&_summary=true", "_id="])
def test_a_conditional_write_that_means_everything_is_refused(hostile_site: Any, send: Any, query: str) -> None:
    site = hostile_site()
    send(site, "PUT /Device/1", {"resourceType": "Device", "id": "1"})
    assert send(site, f"DELETE /Device?{query}").status == 412
    assert send(site, f"PUT /Device?{query}", {"resourceType": "Device"}).status == 412
    patch = send(site, f"PATCH /Device?{query}", [], content_type="application/json-patch+json")
    assert (patch.status, "means every Device" in patch.words) == (412, True)
    assert send(site, "POST /Device", {"resourceType": "Device"}, if_none_exist=query).status == 400


@pytest.mark.parametrize("id", [5, True, 1.5, None, [], {}, "a b", "x" * 65])
def test_a_conditional_update_takes_no_id_that_is_none(hostile_site: Any, send: Any, id: Any) -> None:
    answer = send(hostile_site(), "PUT /Patient?identifier=a|b", {**PATIENT, "id": id})
    assert answer.status in (400, 422)
    assert "is no id" in answer.words
