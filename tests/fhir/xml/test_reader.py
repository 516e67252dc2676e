"""From XML to documents: types, places, refusals."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.fhir.lossless import Lexical, Unreadable
from mockehr.fhir.xml import from_xml
from mockehr.fhir.xml.reader import DEEPEST, LARGEST

NS = 'xmlns="http://hl7.org/fhir"'
DIV = '<div xmlns="http://www.w3.org/1999/xhtml"'


def patient(inner: str) -> dict[str, Any]:
    document = from_xml(f"<Patient {NS}>{inner}</Patient>".encode())
    assert document.pop("resourceType") == "Patient"
    return document


def refused(body: str | bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        from_xml(body if isinstance(body, bytes) else body.encode())
    return str(caught.value)


def test_values_have_the_types_of_the_table() -> None:
    document = patient('<active value="true"/><multipleBirthInteger value="2"/><birthDate value="1980"/>')
    assert document == {"active": True, "multipleBirthInteger": 2, "birthDate": "1980"}


@pytest.mark.parametrize(
    ("text", "value"), [("1.10", Lexical("1.10")), ("5", 5), ("-0.5", -0.5), ("1E3", Lexical("1E3")), ("ten", "ten")]
)
def test_decimals_keep_their_digits(text: str, value: object) -> None:
    found = from_xml(
        f'<Observation {NS}><valueQuantity><value value="{text}"/></valueQuantity></Observation>'.encode()
    )
    kept = found["valueQuantity"]["value"]
    assert (kept, type(kept), getattr(kept, "text", "")) == (value, type(value), getattr(value, "text", ""))


def test_what_has_not_the_form_of_its_type_stays_text_for_validation() -> None:
    document = patient('<active value="yes"/><multipleBirthInteger value="02"/>')
    assert document == {"active": "yes", "multipleBirthInteger": "02"}


def test_a_number_without_end_is_refused_with_its_place() -> None:
    found = refused(f'<Patient {NS}>\n<multipleBirthInteger value="{"9" * 200}"/></Patient>')
    assert found == "line 2 column 1, in Patient: a number has 200 characters; 100 are allowed"


def test_lists_are_made_by_the_table_and_extensions_stand_beside_in_line() -> None:
    document = patient(
        '<name><given value="A"/><given><extension url="u"><valueCode value="c"/></extension></given>'
        '<given value="B" id="b"/><given value="C"/></name>'
    )
    assert document == {
        "name": [
            {
                "given": ["A", None, "B", "C"],
                "_given": [None, {"extension": [{"url": "u", "valueCode": "c"}]}, {"id": "b"}, None],
            }
        ]
    }


def test_a_list_that_is_all_extensions_has_no_values_at_all() -> None:
    assert patient('<name><given id="a"/><given id="b"/></name>') == {
        "name": [{"_given": [{"id": "a"}, {"id": "b"}]}]
    }


def test_contained_resources_are_taken_out_of_their_wrapping() -> None:
    document = patient('<contained><Basic><id value="1"/></Basic></contained><contained><Basic/></contained>')
    assert document == {"contained": [{"resourceType": "Basic", "id": "1"}, {"resourceType": "Basic"}]}


def test_comments_instructions_and_a_schema_location_are_passed_over() -> None:
    text = (
        f'\ufeff<?xml version="1.0" encoding="utf-8"?><?x y?><!-- c --><Patient {NS} '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b">\n'
        "<!-- c --> <id value='p'/> </Patient>\n<!-- c -->"
    )
    assert from_xml(text.encode()) == {"resourceType": "Patient", "id": "p"}


def test_prefixes_may_be_used() -> None:
    text = '<f:Patient xmlns:f="http://hl7.org/fhir"><f:id value="p"/></f:Patient>'
    assert from_xml(text.encode()) == {"resourceType": "Patient", "id": "p"}


def test_line_ends_in_attributes_are_kept_where_they_were_written_out() -> None:
    assert patient('<language value="a&#10;b\nc"/>') == {"language": "a\nb c"}


@pytest.mark.parametrize(
    "div",
    [
        f"{DIV}/>",
        f"{DIV}></div>",
        f"{DIV} title='/>'></div>",
        f"{DIV}><br/></div>",
        f'{DIV}>a&amp;b<!-- c --><![CDATA[<]]> <p title="x>y">ä</p>\n<div>in</div></div>',
        '<div lang="en" xmlns="http://www.w3.org/1999/xhtml" xml:lang="en">x</div>',
    ],
)
def test_a_div_is_kept_octet_by_octet(div: str) -> None:
    assert patient(f'\n<text><status value="empty"/>{div}</text>')["text"]["div"] == div


@pytest.mark.parametrize(
    ("outer", "div"),
    [
        ('xmlns:h="http://www.w3.org/1999/xhtml"', '<h:div id="d"><h:p xml:lang="en">a &lt; "b"</h:p></h:div>'),
        ("", '<h:div xmlns:h="http://www.w3.org/1999/xhtml" id="d"><h:p xml:lang="en">a &lt; "b"</h:p></h:div>'),
    ],
)
def test_a_div_with_other_prefixes_is_written_anew(outer: str, div: str) -> None:
    document = from_xml(f"<Patient {NS} {outer}><text>{div}</text></Patient>".encode())
    assert document["text"]["div"] == f'{DIV} id="d"><p xml:lang="en">a &lt; "b"</p></div>'


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        ("\n  <gendre value='x'/>", "line 2 column 3, in Patient: gendre is not known here; nearest: gender"),
        ("<name><given walue='x'/></name>", "the attribute walue is not known here"),
        ("<name use='x'/>", "name has no attribute use"),
        ("<extension><url value='x'/></extension>", "url is not known here"),
        ("<birthDate/>", "birthDate is empty"),
        ("<name><given/></name>", "given is empty"),
        ("<name/>", "in Patient: name is empty"),
        ("<contained/>", "contained is empty"),
        ("<contained><Basic/><Basic/></contained>", "Basic stands beside another resource"),
        ("<contained><Basix/></contained>", "Basix is no resource type of R4; nearest: Basic"),
        ("<gender value='a'/><gender value='b'/>", "gender comes more than once"),
        ("<gender id='a'/><gender id='b'/>", "gender comes more than once"),
        ("<gender value='a'/><gender id='b'/>", "gender comes more than once"),
        ("<maritalStatus id='a'/><maritalStatus id='b'/>", "maritalStatus comes more than once"),
        (f"<text>{DIV}/>{DIV}/></text>", "div comes more than once"),
        ("words", "text stands between the elements: 'words'"),
        ("<gender value='a'>words</gender>", "text stands between the elements"),
        ("<id xmlns='urn:x' value='a'/>", "id is in the namespace urn:x; it must be in http://hl7.org/fhir"),
        ("<text><div>x</div></text>", "div is in the namespace http://hl7.org/fhir; it must be in http://www.w3.org/1999/xhtml"),
        (f"{DIV}>x</div>", "div is not known here"),
        (f"<text>{DIV}><p xmlns='urn:x'/></div></text>", "p is not xhtml"),
        (f"<text>{DIV}><p xmlns:x='urn:x' x:y='1'/></div></text>", "a foreign attribute stands in a narrative"),
        ("<id value='a' xmlns:x='urn:x' x:y='1'/>", "the attribute y is not known here"),
        ("<id value='&nbsp;'/>", "undefined entity"),
        ("<id value='a'>", "mismatched tag"),
        ("<id value='a' value='b'/>", "duplicate attribute"),
        ("<id value='a\x01'/>", "invalid token"),
        ("<x:id value='a'/>", "unbound prefix"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_place(inner: str, words: str) -> None:
    found = refused(f"<Patient {NS}>{inner}</Patient>")
    assert words in found
    assert found.startswith("line ")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no element found"),
        (b"{}", "not well-formed"),
        (b"<Patient/>", "Patient is in the namespace (none); it must be in http://hl7.org/fhir"),
        (b'<Foo xmlns="http://hl7.org/fhir"/>', "Foo is no resource type of R4"),
        (b'<Patient xmlns="http://hl7.org/fhir" id="x"/>', "Patient has no attribute id"),
        (b'<Patient xmlns="http://hl7.org/fhir"/><a/>', "junk after document element"),
        (b'<?xml version="1.0" encoding="iso-8859-1"?><Patient/>', "it is in iso-8859-1"),
        ('<Patient xmlns="http://hl7.org/fhir"/>'.encode("utf-16"), "UTF-16"),
        ('<Patient xmlns="http://hl7.org/fhir"/>'.encode("utf-16-le"), "UTF-16"),
        (b'<Patient xmlns="http://hl7.org/fhir"><language value="\xf1"/></Patient>', "invalid token"),
    ],
)
def test_a_document_of_another_kind_is_refused(body: bytes, words: str) -> None:
    assert words in refused(body)


def entity(name: str, of: str) -> str:
    return f'<!ENTITY {name} "{of}">'


BOMB = "".join(entity(name, f"&{of};" * 10) for name, of in zip("bcdefga", "abcdefg", strict=True))


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE Patient>",
        f"<!DOCTYPE Patient [{entity('z', 'lol')}{BOMB}]>",
        '<!DOCTYPE Patient [<!ENTITY a "' + "x" * 50_000 + '">]>',
        '<!DOCTYPE Patient [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE Patient SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE Patient [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]>',
    ],
)
def test_declarations_of_types_and_entities_are_refused(doctype: str) -> None:
    found = refused(f'{doctype}<Patient {NS}><language value="&a;{"&a;" * 1000}"/></Patient>')
    assert "document types and entities are not allowed" in found


@pytest.mark.parametrize("tag", ["extension", "p"])
def test_depth_is_bounded(tag: str) -> None:
    deep = f'<{tag} url="u">' if tag == "extension" else "<p>"
    inner = deep * (DEEPEST + 10) + f"</{tag}>" * (DEEPEST + 10)
    body = inner if tag == "extension" else f"<text>{DIV}>{inner}</div></text>"
    assert f"more than {DEEPEST} levels" in refused(f"<Patient {NS}>{body}</Patient>")


def test_size_is_bounded() -> None:
    assert "octets" in refused(b" " * (LARGEST + 1))


def test_nothing_outlives_the_reading() -> None:
    def readers() -> int:
        return sum(type(one).__name__ == "_Reader" for one in gc.get_objects())

    gc.collect()
    before = readers()
    gc.disable()
    try:
        from_xml(f"<Patient {NS}/>".encode())
        assert readers() == before
    finally:
        gc.enable()


@given(st.binary(max_size=60), st.integers(0, 120))
def test_damage_is_refused_or_read_but_never_breaks_the_reader(damage: bytes, place: int) -> None:
    body = f'<Patient {NS}><text>{DIV}>x</div></text><name><given value="a"/></name></Patient>'.encode()
    try:
        found = from_xml(body[:place] + damage + body[place:])
    except Unreadable:
        return
    assert found["resourceType"] == "Patient"
