"""From documents to XML: order, attributes, extensions, and content that R4 does not have."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.fhir.lossless import Lexical
from mockehr.fhir.xml import to_xml, xml_of_json

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def written(document: dict[str, Any]) -> str:
    text = to_xml(document).decode()
    ElementTree.fromstring(text)  # well-formed
    assert text.startswith(HEAD)
    return text.removeprefix(HEAD)


def patient(**elements: Any) -> str:
    text = written({"resourceType": "Patient", **elements})
    return text.removeprefix('<Patient xmlns="http://hl7.org/fhir">').removesuffix("</Patient>")


def test_elements_come_in_the_order_of_the_definition() -> None:
    text = patient(birthDate="1980-01-01", active=True, id="p", name=[{"given": ["A", "B"], "family": "C"}])
    assert text == (
        '<id value="p"/><active value="true"/><name><family value="C"/><given value="A"/><given value="B"/></name>'
        '<birthDate value="1980-01-01"/>'
    )


def test_ids_of_elements_and_urls_of_extensions_are_attributes() -> None:
    text = patient(extension=[{"valueString": "x", "url": "http://a", "id": "e"}])
    assert text == '<extension id="e" url="http://a"><valueString value="x"/></extension>'


def test_what_stands_beside_a_primitive_goes_into_it() -> None:
    text = patient(
        birthDate="1980",
        _birthDate={"id": "b", "extension": [{"url": "u", "valueCode": "c"}]},
        _gender={"extension": [{"url": "u", "valueCode": "c"}]},
        name=[{"given": ["A", None], "_given": [None, {"id": "g"}]}],
    )
    inner = '<extension url="u"><valueCode value="c"/></extension>'
    assert text == (
        '<name><given value="A"/><given id="g"/></name>'
        f'<gender>{inner}</gender><birthDate id="b" value="1980">{inner}</birthDate>'
    )


def test_resources_in_resources_are_wrapped() -> None:
    bundle = {
        "resourceType": "Bundle",
        "entry": [{"resource": {"resourceType": "Basic", "contained": [{"resourceType": "Patient", "id": "c"}]}}],
    }
    assert written(bundle) == (
        '<Bundle xmlns="http://hl7.org/fhir"><entry><resource><Basic><contained><Patient><id value="c"/></Patient>'
        "</contained></Basic></resource></entry></Bundle>"
    )


def test_decimals_are_written_by_their_digits() -> None:
    text = written({"resourceType": "Observation", "valueQuantity": {"value": Lexical("1.10")}})
    assert '<value value="1.10"/>' in text


def test_narratives_are_inlined_as_they_stand() -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p class="a">x &lt; y</p></div>'
    assert patient(text={"div": div, "status": "generated"}) == f'<text><status value="generated"/>{div}</text>'


@pytest.mark.parametrize("text", ["a\nb\tc\rd", '<&>"', "naïve 漢字 \U0001f600", " blank ends ", ""])
def test_texts_come_through_a_parser_unchanged(text: str) -> None:
    root = ElementTree.fromstring(to_xml({"resourceType": "Patient", "language": text}))
    assert root[0].get("value") == text


@pytest.mark.parametrize("letter", ["\0", "\x07", "\x0b", "\ud800", "\uffff"])
def test_what_xml_cannot_hold_becomes_the_replacement_character(letter: str) -> None:
    assert patient(language=f"a{letter}b") == '<language value="a\ufffdb"/>'


def test_octets_that_are_no_utf_8_are_seen_on_the_wire() -> None:
    octets = to_xml({"resourceType": "Patient", "name": [{"family": b"Pe\xf1a".decode("utf-8", "surrogateescape")}]})
    assert b'<family value="Pe\xf1a"/>' in octets
    assert xml_of_json(b'{"resourceType":"Patient","name":[{"family":"Pe\xf1a"}]}') == octets


@pytest.mark.parametrize(
    ("elements", "text"),
    [
        ({"id": "p", "colour": "red"}, '<id value="p"/><colour value="red"/>'),
        ({"colour": ["red", 1, None]}, '<colour value="red"/><colour value="1"/><colour/>'),
        ({"a b<c": 1}, '<a_b_c value="1"/>'),
        ({"9": 1}, '<_9 value="1"/>'),
        ({"colour": {"hue": 3, "id": "i"}}, '<colour id="i"><hue value="3"/></colour>'),
        ({"colour": {"resourceType": "Basic", "id": "i"}}, '<colour><Basic><id value="i"/></Basic></colour>'),
        ({"_colour": {"id": "i"}, "colour": "red"}, '<colour id="i" value="red"/>'),
        ({"_colour": {"id": "i"}}, '<colour id="i"/>'),
        ({"_name": "x"}, '<_name value="x"/>'),
        ({"name": "Smith"}, '<name value="Smith"/>'),
        ({"name": {"family": "S"}}, '<name><family value="S"/></name>'),
        ({"name": [["S"]]}, '<name value="S"/>'),
        ({"gender": ["male", "female"]}, '<gender value="male"/><gender value="female"/>'),
        ({"gender": {"code": "male"}}, '<gender><code value="male"/></gender>'),
        ({"gender": None}, "<gender/>"),
        ({"name": [{}]}, "<name/>"),
        ({"contained": ["x"]}, '<contained value="x"/>'),
        ({"contained": [{"id": "c"}]}, '<contained><Resource><id value="c"/></Resource></contained>'),
        ({"text": {"div": 5}}, '<text><div value="5"/></text>'),
        ({"extension": [{"url": 5}]}, '<extension url="5"/>'),
        ({"extension": [{"url": {"a": 1}}]}, '<extension><url><a value="1"/></url></extension>'),
        ({"birthDate": "x", "_birthDate": "y"}, '<birthDate value="x"/>'),
        ({"birthDate": "x", "_birthDate": [None, {"id": "b"}]}, '<birthDate value="x"/><birthDate id="b"/>'),
        ({"active": float("nan")}, '<active value="NaN"/>'),
    ],
)
def test_what_r4_does_not_have_is_written_as_well_as_xml_can(elements: dict[str, Any], text: str) -> None:
    assert patient(**elements) == text


@pytest.mark.parametrize("kind", ["Nonsense", "", None, 5, "a b", "BackboneElement"])
def test_what_is_no_resource_is_written_all_the_same(kind: Any) -> None:
    root = ElementTree.fromstring(to_xml({"resourceType": kind, "id": "x"}))
    assert root[0].attrib == {"value": "x"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3)
            | st.sampled_from(["name", "_name", "id", "extension", "url", "text", "div", "contained"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["name", "_given", "text", "x", "contained", "id", "_id"]), JSON))
def test_whatever_json_holds_is_written_as_well_formed_xml(elements: dict[str, Any]) -> None:
    document = {"resourceType": "Patient", **elements}
    plain = ElementTree.canonicalize(to_xml(document).decode(), strip_text=True)
    assert ElementTree.canonicalize(to_xml(document, pretty=True).decode(), strip_text=True) == plain


def test_pretty_puts_every_element_on_a_line() -> None:
    text = to_xml({"resourceType": "Patient", "id": "p", "name": [{"family": "S"}]}, pretty=True).decode()
    assert text.splitlines() == [
        HEAD,
        '<Patient xmlns="http://hl7.org/fhir">',
        '  <id value="p"/>',
        "  <name>",
        '    <family value="S"/>',
        "  </name>",
        "</Patient>",
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"3", b'{"a":'])
def test_a_body_that_is_no_json_object_is_no_resource(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"Expecting|no JSON object"):
        xml_of_json(body)


def test_decimals_of_json_keep_their_digits() -> None:
    digits = "0.010000000000000000000000001"
    body = json.dumps({"resourceType": "Observation", "valueQuantity": {"value": "@"}}).replace('"@"', digits)
    assert f'<value value="{digits}"/>'.encode() in xml_of_json(body.encode())
