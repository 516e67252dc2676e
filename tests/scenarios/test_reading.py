"""What probes read from an exchange."""

import gzip
import json

import pytest

from mockehr.core.exchange import Effects, Exchange, Reply
from mockehr.scenarios.reading import (
    answer,
    bearer,
    bundle_keys,
    heard,
    is_create,
    next_links,
    on_the_wire,
    resource_type,
    same_request,
)

BUNDLE = {
    "resourceType": "Bundle",
    "link": [{"relation": "next", "url": "Patient?p=2"}, {"relation": "self", "url": "x"}, "odd"],
    "entry": [
        {"resource": {"resourceType": "Patient", "id": "1"}},
        {"resource": {"resourceType": "OperationOutcome", "id": "2"}},
        7,
    ],
}


def answered(body: bytes, *headers: tuple[str, str]) -> Exchange:
    return Exchange("fhir", path="/Patient", base_url="http://h/fhir", reply=Reply(200, [*headers], body))


def test_bundles_are_read_plain_and_zipped() -> None:
    plain = json.dumps(BUNDLE).encode()
    for exchange in (answered(plain), answered(gzip.compress(plain), ("Content-Encoding", "gzip"))):
        assert bundle_keys(exchange) == ["Patient/1"]
        assert next_links(exchange) == ["http://h/fhir/Patient?p=2"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b"<html>", b"<a", b"\x1f\x8bxx", b"\xff", b'{"resourceType":"Bundle"}']
)
def test_bodies_that_are_no_bundle_have_neither_matches_nor_links(body: bytes) -> None:
    assert bundle_keys(answered(body)) == []
    assert next_links(answered(body)) == []


def test_only_an_object_is_an_answer() -> None:
    assert answer(answered(b"[1]")) is None
    assert answer(Exchange("fhir")) is None
    assert answer(answered(b'{"a":1}')) == {"a": 1}


def test_an_answer_is_heard_unless_the_wire_swallowed_it() -> None:
    exchange = answered(b"{}")
    assert heard(exchange)
    for effects in (Effects(lost=True), Effects(reset="midway"), Effects(cut_at=0)):
        exchange.effects = effects
        assert not heard(exchange)
    assert not heard(Exchange("fhir"))


def test_a_token_is_told_from_none_and_from_an_empty_one() -> None:
    assert bearer(Exchange("fhir")) is None
    assert bearer(Exchange("fhir", headers={"authorization": "Bearer "})) == ""
    assert bearer(Exchange("fhir", headers={"authorization": "bearer abc"})) == "abc"


def test_types_and_creates_are_known_by_the_path_where_no_stage_named_them() -> None:
    assert resource_type(Exchange("fhir", path="/Patient/1")) == "Patient"
    assert resource_type(Exchange("fhir", path="/metadata")) == ""
    assert is_create(Exchange("fhir", "POST", "/Patient"))
    assert not is_create(Exchange("fhir", "POST", "/Patient/_search"))
    assert not is_create(Exchange("fhir", "POST", "/"))


def test_a_body_that_the_journal_dropped_is_not_compared() -> None:
    one, other = Exchange("fhir", "POST", "/A", body=b"x"), Exchange("fhir", "POST", "/A", body=b"y")
    assert not same_request(one, other)
    one.notes["trimmed"] = 1
    assert same_request(one, other)


def test_only_what_cannot_stand_in_a_request_line_is_encoded() -> None:
    assert on_the_wire("http://h/a?b=%7C|é+&c=/=#x") == "http://h/a?b=%7C%7C%C3%A9+&c=/="
