"""Conditional reads, updates and deletes; idempotency keys; Prefer (FHIR R4 http.html)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.sites.site import Site

Ask = Callable[..., Exchange]


def person(mark: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": "urn:x", "value": mark}], **more}


def status(exchange: Exchange) -> int:
    assert exchange.reply is not None
    return exchange.reply.status


@pytest.fixture
def site(made: Callable[..., Site], ask: Ask) -> Site:
    one = made()
    for id, mark in (("a", "1"), ("b", "2"), ("c", "2")):
        ask(one, f"PUT /Patient/{id}", person(mark, id=id))
    return one


def test_a_read_of_what_the_client_has_is_304_without_a_body(site: Site, ask: Ask) -> None:
    first = ask(site, "GET /Patient/a")
    assert first.reply is not None
    etag, modified = first.reply.header("ETag"), first.reply.header("Last-Modified")
    known = ask(site, "GET /Patient/a", if_none_match=etag)
    assert (status(known), known.reply.body if known.reply else None) == (304, b"")
    assert status(ask(site, "GET /Patient/a", if_none_match=f'W/"0", {etag}')) == 304
    assert status(ask(site, "GET /Patient/a", if_none_match='W/"0"')) == 200
    assert status(ask(site, "GET /Patient/a", if_modified_since=modified)) == 304
    assert status(ask(site, "GET /Patient/a", if_modified_since="Mon, 01 Jan 2001 00:00:00 GMT")) == 200
    assert status(ask(site, "GET /Patient/a", if_modified_since="yesterday")) == 200


@pytest.mark.parametrize(
    ("query", "id", "wanted"),
    [
        ("identifier=urn:x|1", "", 200),
        ("identifier=urn:x|1", "a", 200),
        ("identifier=urn:x|1", "b", 400),
        ("identifier=urn:x|2", "", 412),
        ("identifier=urn:x|9", "", 201),
        ("identifier=urn:x|9", "new", 201),
        ("identifier=urn:x|9", "a", 409),
        ("identifier=urn:x|9", "not an id", 400),
        ("nonsense=1", "", 400),
        ("", "", 400),
    ],
)
def test_an_update_by_query(site: Site, ask: Ask, query: str, id: str, wanted: int) -> None:
    before = len(site.log.changes)
    exchange = ask(site, f"PUT /Patient?{query}", person("9", active=True) | ({"id": id} if id else {}))
    assert status(exchange) == wanted
    assert len(site.log.changes) == before + (wanted < 300)
    if wanted < 300:
        assert exchange.reply is not None
        assert orjson.loads(exchange.reply.body)["id"] == id or not id


def test_a_delete_by_query_takes_one_or_as_many_as_the_site_says(
    made: Callable[..., Site], site: Site, ask: Ask
) -> None:
    assert status(ask(site, "DELETE /Patient?identifier=urn:x|2")) == 412
    assert status(ask(site, "DELETE /Patient?identifier=urn:x|1")) == 204
    assert status(ask(site, "DELETE /Patient?identifier=urn:x|1")) == 204
    assert status(ask(site, "GET /Patient/a")) == 410
    several = made(settings={"write": {"conditional_delete": "multiple"}})
    for id in ("b", "c"):
        ask(several, f"PUT /Patient/{id}", person("2", id=id))
    exchange = ask(several, "DELETE /Patient?identifier=urn:x|2")
    assert (status(exchange), len(exchange.changes)) == (204, 2)


def test_what_a_vendor_does_not_offer_is_refused(made: Callable[..., Site], ask: Ask) -> None:
    site = made(settings={"write": {"conditional_update": False, "conditional_delete": "not-supported"}})
    assert status(ask(site, "PUT /Patient?identifier=urn:x|1", person("1"))) == 405
    assert status(ask(site, "DELETE /Patient?identifier=urn:x|1")) == 405


def test_if_none_match_keeps_an_update_from_overwriting(site: Site, ask: Ask) -> None:
    assert status(ask(site, "PUT /Patient/a", person("1", id="a"), if_none_match="*")) == 412
    assert status(ask(site, "PUT /Patient/z", person("1", id="z"), if_none_match="*")) == 201
    assert status(ask(site, "PUT /Patient/y", person("1", id="y"), if_match='W/"1"')) == 412


def test_an_idempotency_key_makes_a_repeat_harmless(made: Callable[..., Site], ask: Ask) -> None:
    site = made(settings={"write": {"idempotency_header": "Idempotency-Key"}})
    first = ask(site, "POST /Patient", person("1"), idempotency_key="k1")
    again = ask(site, "POST /Patient", person("1"), idempotency_key="k1")
    assert first.reply is not None
    assert again.reply is not None
    assert (first.reply.status, first.reply.body) == (again.reply.status, again.reply.body)
    assert (len(first.changes), again.changes, len(site.log.changes)) == (1, (), 1)
    assert again.notes["idempotency"] == "answered before"
    assert status(ask(site, "POST /Patient", person("2"), idempotency_key="k1")) == 422
    assert status(ask(site, "POST /Patient", person("1"), idempotency_key="k2")) == 201
    assert status(ask(site, "POST /Patient", person("1"), idempotency_key="x" * 300)) == 400
    assert status(ask(site, "POST /Patient", person("1"))) == 201


def test_a_refused_request_may_be_tried_again_with_its_key(made: Callable[..., Site], ask: Ask) -> None:
    site = made(settings={"write": {"idempotency_header": "Idempotency-Key"}})
    assert status(ask(site, "PUT /Patient/a", {"resourceType": "Patient"}, idempotency_key="k")) == 422
    assert status(ask(site, "PUT /Patient/a", person("1", id="a"), idempotency_key="k")) == 201


def test_a_site_may_demand_the_key(made: Callable[..., Site], ask: Ask) -> None:
    site = made(settings={"write": {"idempotency_header": "Idempotency-Key", "idempotency_required": True}})
    assert status(ask(site, "POST /Patient", person("1"))) == 400


@pytest.mark.parametrize(
    ("wish", "kind"),
    [("return=minimal", ""), ("return=representation", "Patient"), ("return=OperationOutcome", "OperationOutcome")],
)
def test_prefer_says_what_comes_back(made: Callable[..., Site], ask: Ask, wish: str, kind: str) -> None:
    site = made(settings={"write": {"reply": "empty"}})
    exchange = ask(site, "POST /Patient", person("1"), prefer=f"handling=lenient; {wish}")
    assert exchange.reply is not None
    assert exchange.reply.status == 201
    assert exchange.reply.header("Preference-Applied") == wish
    assert exchange.reply.header("Location")
    body = exchange.reply.body
    assert (orjson.loads(body)["resourceType"] if body else "") == kind


def test_options_tells_the_methods(site: Site, ask: Ask) -> None:
    exchange = ask(site, "OPTIONS /Patient/a")
    assert exchange.reply is not None
    assert (exchange.reply.status, exchange.reply.header("Allow")) == (204, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS")
    refused = ask(site, "PUT /metadata")
    assert refused.reply is not None
    assert (refused.reply.status, refused.reply.header("Allow")) == (405, "GET")


def test_written_bytes_are_kept_but_for_id_and_meta(made: Callable[..., Site], ask: Ask) -> None:
    site = made()
    sent = (
        b'{ "resourceType" : "Observation", "id":"o",\n "meta": {"tag":[{"code":"x"}]}, "status":"final",'
        b' "code":{"text":"caf\\u00e9"}, "valueQuantity":{"value": 1.50} }'
    )
    ask(site, "PUT /Observation/o", sent)
    exchange = ask(site, "GET /Observation/o")
    assert exchange.reply is not None
    body = exchange.reply.body
    start, end = body.index(b'"meta": ') + 8, body.index(b', "status"')
    assert body[:start] + b'{"tag":[{"code":"x"}]}' + body[end:] == sent
    assert orjson.loads(body[start:end])["tag"] == [{"code": "x"}]
    assert orjson.loads(body[start:end])["versionId"] == "1"


def test_keys_are_forgotten_with_what_was_written(made: Callable[..., Site], ask: Ask) -> None:
    site = made(settings={"write": {"idempotency_header": "Idempotency-Key"}})
    site.snapshots.take("empty")
    for go_back in (lambda: site.snapshots.restore("empty"), site.reset):
        assert status(ask(site, "POST /Patient", person("1"), idempotency_key="k")) == 201
        go_back()
        assert [*site.store.overlay("Patient")] == []
        exchange = ask(site, "POST /Patient", person("1"), idempotency_key="k")
        assert (status(exchange), len(exchange.changes)) == (201, 1)
        go_back()


def test_a_transaction_with_its_key_again_is_answered_again_in_the_form_that_is_asked_for(
    made: Callable[..., Site], ask: Ask
) -> None:
    site = made(settings={"write": {"idempotency_header": "Idempotency-Key", "idempotency_required": True}})
    entry = {"request": {"method": "POST", "url": "Patient"}, "resource": {"resourceType": "Patient"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    forms = ["application/fhir+json", "application/fhir+xml", "application/fhir+json"]
    told = [ask(site, "POST /", bundle, idempotency_key="k", accept=form) for form in forms]
    replies = [one.reply for one in told if one.reply is not None]
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert [[value for name, value in reply.headers if name == "Content-Type"] for reply in replies] == [
        [form] for form in forms
    ]
    assert replies[0].body == replies[2].body != replies[1].body
    assert {one.returned for one in told} == {("Patient/w1",)}
    assert [one.changes for one in told] == [(1,), (), ()]


def test_if_match_does_not_name_what_is_not_there(site: Site, ask: Ask) -> None:
    refused = ask(site, "PUT /Patient/nobody", {"resourceType": "Patient", "id": "nobody"}, if_match="none")
    assert refused.reply is not None
    assert refused.reply.status == 412


@pytest.mark.parametrize("request_", ["PUT /Patient?_count=5", "DELETE /Patient?_sort=name&_summary=true"])
def test_a_query_that_selects_nothing_changes_nothing_even_where_one_thing_is_there(
    made: Callable[..., Site], ask: Ask, request_: str
) -> None:
    site = made()
    assert status(ask(site, "PUT /Patient/a", person("1", id="a"))) == 201
    assert status(ask(site, request_, person("2") if request_.startswith("PUT") else None)) == 412
    assert [change.kind for change in site.log.changes] == ["create"]


def test_a_star_means_what_is_there_and_neither_the_absent_nor_the_deleted(site: Site, ask: Ask) -> None:
    assert status(ask(site, "PUT /Patient/new", person("7", id="new"), if_match="*")) == 412
    assert status(ask(site, "PUT /Patient/new", person("7", id="new"), if_none_match="*")) == 201
    assert status(ask(site, "PUT /Patient/new", person("7", id="new"), if_match="*")) == 200
    assert status(ask(site, "DELETE /Patient/new")) in (200, 204)
    assert status(ask(site, "PUT /Patient/new", person("7", id="new"), if_match="*")) == 412
    assert status(ask(site, "PUT /Patient/new", person("7", id="new"), if_none_match="*")) == 201
