"""Bodies that nobody should send: each is refused in words, and nothing of it is kept."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

XML = "application/fhir+xml"
PATIENT = {"resourceType": "Patient"}
HEAD = '<Patient xmlns="http://hl7.org/fhir">'


def nested(levels: int) -> bytes:
    inner = b'[{"url":"http://e.org/x","valueString":"x"}]'
    return (
        b'{"resourceType":"Patient","extension":'
        + b'[{"url":"x","extension":' * levels
        + inner
        + b"}]" * levels
        + b"}"
    )


def nested_xml(levels: int) -> bytes:
    inner = '<extension url="x">' * levels + '<valueString value="a"/>' + "</extension>" * levels
    return f"{HEAD}{inner}</Patient>".encode()


def bundles(levels: int, kind: str) -> Any:
    made: Any = PATIENT
    for _ in range(levels):
        made = {"resourceType": "Bundle", "type": kind, "entry": [{"resource": made}]}
    return made


UNREADABLE = {
    "nothing": (b"", "line 1 column 1"),
    "blanks": (b" \n", "line 2 column 1"),
    "null": (b"null", "the body is null, and a resource is an object"),
    "a list": (b"[]", "the body is a list"),
    "a number": (b"5", "the body is a number"),
    "half of it": (b'{"resourceType":"Patient"', "line 1 column 26"),
    "a comma too many": (b'{"resourceType":"Patient",}', "line 1 column 27"),
    "more behind it": (b'{"resourceType":"Patient"}x', "Extra data"),
    "bad UTF-8": (b'{"resourceType":"Patient","name":[{"family":"\xff"}]}', "byte 45 (ff) is no UTF-8"),
    "UTF-16": ('{"resourceType":"Patient"}'.encode("utf-16"), "no UTF-8"),
    "UTF-16 without a mark": ('{"resourceType":"Patient"}'.encode("utf-16-le"), "line 1 column 2"),
    "a member twice": (b'{"resourceType":"Patient","active":true,"active":true}', "'active' comes more than once"),
    "a lone surrogate": (b'{"resourceType":"Patient","name":[{"family":"\\ud800"}]}', "half a character"),
    "a NUL": (b'{"resourceType":"Patient","name":[{"family":"\\u0000"}]}', "NUL"),
    "NaN": (b'{"resourceType":"Patient","multipleBirthInteger":NaN}', "NaN is no JSON number"),
    "Infinity": (b'{"resourceType":"Patient","multipleBirthInteger":-Infinity}', "-Infinity is no JSON number"),
    "10 000 digits": (
        b'{"resourceType":"Patient","multipleBirthInteger":' + b"9" * 10_000 + b"}",
        "10000 characters",
    ),
    "brackets without end": (b"[" * 100_000, "nested more than 512 levels"),
    "600 levels": (nested(300), "nested more than 512 levels"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_a_400_that_says_why(hostile_site: Any, send: Any, name: str) -> None:
    body, words = UNREADABLE[name]
    site = hostile_site()
    for request in ("POST /Patient", "PUT /Patient/1", "POST /Patient/$validate", "POST /"):
        answer = send(site, request, body)
        if answer.status == 200:  # an operation without a body has its parameters in the URL
            continue
        assert answer.status == 400, request
        assert words in answer.words or "nothing to validate" in answer.words, request


BAD = {
    "another type": ({"resourceType": "Observation"}, "the body is a Observation, the address is of Patient"),
    "no type": ({}, "resourceType is missing"),
    "a type that is a list": ({"resourceType": ["Patient"]}, "resourceType is missing"),
    "an unknown element": ({**PATIENT, "nmae": [{}]}, "nearest: name"),
    "a text for a list": ({**PATIENT, "name": "Smith"}, "a list is expected, not a string"),
    "a list for a text": ({**PATIENT, "birthDate": ["2000"]}, "Patient.birthDate: a list is no date"),
    "a number for an object": ({**PATIENT, "maritalStatus": 5}, "an object (CodeableConcept) is expected"),
    "null": ({**PATIENT, "active": None}, "null stands for no value"),
    "an empty object": ({**PATIENT, "name": [{}]}, "an object is never empty"),
    "no day of the calendar": ({**PATIENT, "birthDate": "2023-02-30"}, "a day of the calendar"),
    "a date of 2 MB": ({**PATIENT, "birthDate": "2" * (2 << 20)}, "is no date"),
    "contained in contained": (
        {**PATIENT, "contained": [{**PATIENT, "id": "a", "contained": [{**PATIENT, "id": "b"}]}]},
        "a contained resource contains no other (dom-2)",
    ),
    "a reference with blanks": (
        {**PATIENT, "generalPractitioner": [{"reference": "A?x/" * 100_000 + " "}]},
        "is no reference",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_resource_is_a_422_with_its_place(hostile_site: Any, send: Any, name: str) -> None:
    document, words = BAD[name]
    answer = send(hostile_site(), "POST /Patient", document)
    assert answer.status == 422
    assert words in answer.words
    assert "expression" in answer.document["issue"][0]


@pytest.mark.parametrize("encoding", ["foo", "utf-16", "shift_jis", "base64", "rot13", "idna"])
def test_a_narrative_that_names_an_encoding_is_refused(hostile_site: Any, send: Any, encoding: str) -> None:
    div = f'<?xml version="1.0" encoding="{encoding}"?><div xmlns="http://www.w3.org/1999/xhtml">a</div>'
    answer = send(hostile_site(), "POST /Patient", {**PATIENT, "text": {"status": "generated", "div": div}})
    assert answer.status == 422
    assert "Patient.text.div" in answer.words


def test_what_is_too_large_is_a_413(hostile_site: Any, send: Any) -> None:
    site, large = hostile_site(), b" " * (20 << 20) + b"{}"
    for request in ("POST /Patient", "PUT /Patient/1", "POST /Patient/$validate", "POST /", "POST /Binary"):
        answer = send(site, request, large)
        assert answer.status == 413, request
        assert "20971520 are allowed" in answer.words
    send(site, "PUT /Patient/1", {**PATIENT, "id": "1"})
    assert send(site, "PATCH /Patient/1", large, content_type="application/json-patch+json").status == 413
    form = "application/x-www-form-urlencoded"
    assert send(site, "POST /Patient/_search", large, content_type=form).status == 413
    assert send(site, "POST /Patient/$everything", large, content_type=form).status == 413


def test_what_is_too_deep_is_refused_in_every_form(hostile_site: Any, send: Any) -> None:
    site = hostile_site()
    assert send(site, "POST /Patient", nested(40)).status == 201
    assert send(site, "POST /Patient", nested_xml(40), content_type=XML).status == 201
    for answer in (
        send(site, "POST /Patient", nested(60)),
        send(site, "POST /Patient", nested_xml(60), content_type=XML),
        send(site, "POST /Bundle", bundles(40, "collection")),
        send(site, "POST /", bundles(40, "batch")),
        send(site, "POST /ValueSet/$expand", nested(200)),
    ):
        assert answer.status == 422
        assert "nested more than 100 levels deep" in answer.words
    assert "200 levels" in send(site, "POST /Patient", nested_xml(300), content_type=XML).words


ENTITIES = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
BOMBS = {
    "a billion laughs": f'<!DOCTYPE p [<!ENTITY a0 "ha">{ENTITIES}]>{HEAD}<active value="&a9;"/></Patient>',
    "a long entity": f'<!DOCTYPE p [<!ENTITY a "{"x" * 50_000}">]>{HEAD}<language value="{"&a;" * 900}"/></Patient>',
    "a file": f'<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]>{HEAD}<language value="&a;"/></Patient>',
    "a parameter entity": f'<!DOCTYPE p SYSTEM "http://e.org/p.dtd">{HEAD}</Patient>',
    "another encoding": f'<?xml version="1.0" encoding="utf-16"?>{HEAD}</Patient>',
    "no namespace": '<Patient><active value="true"/></Patient>',
    "text between": f'{HEAD}hello<active value="true"/></Patient>',
    "an end that is missing": f'{HEAD}<active value="true"/>',
    "an unknown element": f'{HEAD}<nmae value="x"/></Patient>',
    "a name of 1 MB": f'{HEAD}<{"n" * (1 << 20)} value="x"/></Patient>',
}
BOMBS["100 000 attributes"] = (
    '<Patient xmlns="http://hl7.org/fhir" ' + " ".join(f'a{i}="1"' for i in range(100_000)) + "/>"
)


@pytest.mark.parametrize("name", BOMBS)
def test_xml_that_would_explode_is_a_400(hostile_site: Any, send: Any, name: str) -> None:
    answer = send(hostile_site(), "POST /Patient", BOMBS[name].encode(), content_type=XML)
    assert answer.status == 400
    assert "line 1 column" in answer.words
    assert len(answer.words) < 5000


def test_a_processing_instruction_means_nothing(hostile_site: Any, send: Any) -> None:
    body = f'<?php boom()?>{HEAD}<?x y?><active value="true"/></Patient>'.encode()
    answer = send(hostile_site(), "POST /Patient", body, content_type=XML)
    assert (answer.status, answer.document["active"]) == (201, True)


def test_a_million_members_of_which_one_comes_twice_are_told_at_once(hostile_site: Any, send: Any) -> None:
    members = b",".join(b'"a%d":1' % i for i in range(200_000))
    answer = send(hostile_site(), "POST /Patient", b"{" + members + b',"a199999":1}')
    assert "'a199999' comes more than once" in answer.words


def test_texts_that_never_end_are_looked_at_once(hostile_site: Any, send: Any) -> None:
    body = b"[" * 600 + b'"' + b'\\"' * (2 << 20)
    assert send(hostile_site(), "POST /Patient", body).status == 400


def test_a_byte_order_mark_is_no_part_of_what_is_stored(hostile_site: Any, send: Any) -> None:
    site = hostile_site()
    assert send(site, "PUT /Patient/1", b'\xef\xbb\xbf{"resourceType":"Patient","id":"1"}').status == 201
    assert site.store.read("Patient", "1").body.startswith(b'{"resourceType"')
    assert send(site, "GET /Patient").document["entry"][0]["resource"]["id"] == "1"


def test_what_a_vendor_without_meta_stores_is_json_wherever_the_meta_stood(hostile_site: Any, send: Any) -> None:
    settings = {"interactions": {"types": {"Patient": ["read", "create"]}}}
    for rest in (b'"resourceType":"Patient"', b'"resourceType":"Patient","active":true'):
        site = hostile_site("epic", settings=settings)
        send(site, "POST /Patient", b'{"meta":{"tag":[{"code":"x"}]},' + rest + b"}")
        (record,) = site.store.written()
        assert orjson.loads(record.body) == record.document


def test_a_media_type_that_mentions_json_is_still_xml(hostile_site: Any, send: Any) -> None:
    body = f'{HEAD}<active value="true"/></Patient>'.encode()
    answer = send(hostile_site(), "POST /Patient", body, content_type="application/fhir+xml; x=json")
    assert (answer.status, answer.document["active"]) == (201, True)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1e-999999999", "9" * 99, "0." + "1" * 90, "-0", "1E+2"])
def test_numbers_beyond_a_float_are_refused_or_kept_to_the_digit(hostile_site: Any, send: Any, number: str) -> None:
    site = hostile_site()
    body = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":%s}}'
    answer = send(site, "POST /Observation", body % number.encode())
    assert answer.status == (422 if number.endswith("e999") else 201)
    kept = [b'"value":%s}' % number.encode() in record.body for record in site.store.written()]
    assert kept == ([] if answer.status == 422 else [True])
    for query in ("value-quantity=5", "value-quantity=gt1e30", "_sort=value-quantity", "_format=xml"):
        assert send(site, f"GET /Observation?{query}").status == 200


@pytest.mark.parametrize(
    "media", ["", "x", "/", "a/b/c", "application/pdf", ";", "application/fhir+json;charset=x", "é"]
)
@pytest.mark.parametrize("kind", ["Patient", "Binary"])
def test_any_content_type_is_taken_or_refused(hostile_site: Any, send: Any, kind: str, media: str) -> None:
    site = hostile_site()
    answer = send(site, f"POST /{kind}", b'{"resourceType":"Patient"}', content_type=media)
    assert answer.status in ((201, 415) if media in ("", ";") or kind == "Binary" else (415,)) or answer.status == 422


def test_a_binary_keeps_octets_of_any_kind(hostile_site: Any, send: Any) -> None:
    site, octets = hostile_site(), bytes(range(256))
    made = send(site, "POST /Binary", octets, content_type="image/png; a=b")
    assert made.status == 201
    assert send(site, f"GET /Binary/{made.document['id']}", accept="application/fhir+json").document["data"]


@pytest.mark.parametrize("meta", [None, 5, "abc", [5], [None], ["a"], [{"code": 5}], {"a": 1}])
def test_a_meta_that_is_none_is_not_added(hostile_site: Any, send: Any, meta: Any) -> None:
    site = hostile_site()
    send(site, "PUT /Patient/1", {**PATIENT, "id": "1"})
    part = {"name": "meta", "valueMeta": {"tag": meta}}
    for operation in ("$meta-add", "$meta-delete"):
        answer = send(site, f"POST /Patient/1/{operation}", {"resourceType": "Parameters", "parameter": [part]})
        assert answer.status == 422
        assert "meta.tag" in answer.words
