"""What becomes of a narrative that is no XML."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from mockehr.fhir.xml.narrative import inlined

START = '<div xmlns="http://www.w3.org/1999/xhtml">'


@pytest.mark.parametrize("inner", ["", "<p>x</p>", "<p title='a'>&lt;&amp;&#8212;</p><br/>", "<!-- c -->ä"])
def test_xhtml_stays_as_it_is(inner: str) -> None:
    assert inlined(f"{START}{inner}</div>") == f"{START}{inner}</div>"


def test_named_characters_of_html_are_written_out() -> None:
    assert inlined(f"{START}a&nbsp;&copy;&amp;</div>") == f"{START}a&#160;&#169;&amp;</div>"


@pytest.mark.parametrize(
    "text",
    [
        "no markup",
        "<p>no div</p>",
        f"{START}<br></div>",
        f"{START}a & b</div>",
        f"{START}&nosuch;</div>",
        f"{START}</div><script/>",
        f"{START}<x:p/></div>",
        "<!DOCTYPE div [<!ENTITY a 'b'>]><div>&a;</div>",
        f"<?xml version='1.0'?>{START}</div>",
    ],
)
def test_what_would_spoil_the_document_becomes_text(text: str) -> None:
    root = ElementTree.fromstring(inlined(text))
    assert root.tag == "{http://www.w3.org/1999/xhtml}div"
    assert root.text == text
    assert len(root) == 0


def test_octets_that_are_no_utf_8_stay_for_the_wire() -> None:
    text = f"{START}Pe\udcf1a</div>"
    assert inlined(text) == text


def test_a_control_character_becomes_the_replacement_character() -> None:
    assert inlined(f"{START}a\x07b</div>") == f"{START}a\ufffdb</div>"
