"""Small XML: what is read, what is refused, and that both ways agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.personalities.markup import DEEPEST, Element, NoMarkup, read_markup, write_markup


def test_elements_are_found_whatever_their_case_and_namespace() -> None:
    found = read_markup(b'<?xml version="1.0"?><a:Outer xmlns:a="urn:a" Id="1"> t <Inner n="2">x</Inner></a:Outer>')
    assert (found.name, found.get("id"), found.get("none", "-"), found.text) == ("Outer", "1", "-", "t")
    inner = found.find("inner")
    assert inner is not None
    assert (inner.text, found.said("INNER"), [one.get("N") for one in found.every("inner")]) == ("x", "x", ["2"])
    assert found.find("other") is None


def test_other_encodings_are_read_where_the_document_says_so() -> None:
    assert read_markup("<?xml version='1.0' encoding='ISO-8859-1'?><a>Núñez</a>".encode("latin-1")).text == "Núñez"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no markup",
        b"<a>",
        b"<a/><b/>",
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"<a>&unknown;</a>",
        b'<?xml version="1.0" encoding="klingon"?><a/>',
        b"<a>" * (DEEPEST + 2) + b"</a>" * (DEEPEST + 2),
        b"<a>" + b"<b/>" * 30_000 + b"</a>",
        b"\xff\xfe",
    ],
)
def test_what_is_no_small_xml_is_refused(text: bytes) -> None:
    with pytest.raises(NoMarkup):
        read_markup(text)


@given(st.text(max_size=30), st.text(max_size=30))
def test_what_is_written_is_read_again_but_for_what_xml_cannot_say(attribute: str, text: str) -> None:
    written = write_markup(Element("a", {"b": attribute}, text, [Element("c")]))
    read = read_markup(written)
    allowed = [letter for letter in text if letter >= " " or letter in "\t\n\r"]
    plain = "".join(
        letter for letter in allowed if not "\ud800" <= letter <= "\udfff" and letter not in "\ufffe\uffff"
    )
    assert read.text == plain.replace("\r\n", "\n").replace("\r", "\n").strip()
    assert [one.name for one in read.children] == ["c"]
