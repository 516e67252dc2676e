"""Documents and texts go into a database and come out the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.fhir.lossless import Lexical
from mockehr.fhir.overlay.form import beside, document_of, restored, storable
from mockehr.fhir.record import encode

texts = st.text(st.characters(codec="utf-8") | st.sampled_from("\udc80\udcc3\udca9\udcff"), max_size=6)
numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
decimals = st.sampled_from(["1.10", "0.0", "-0.00", "1e5", "2.50E-3"]).map(Lexical)
values = st.recursive(
    st.none() | st.booleans() | numbers | decimals | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def digits(node: Any) -> Any:
    """The same with every number as text, so that 1.1 and 1.10 differ, and 1 and 1.0, and true and 1."""
    if isinstance(node, dict):
        return {key: digits(value) for key, value in node.items()}
    if isinstance(node, list):
        return [digits(value) for value in node]
    return node.text if isinstance(node, Lexical) else node if isinstance(node, str) else repr(node)


@given(st.dictionaries(texts, values, max_size=4))
def test_every_document_comes_back_with_its_texts_and_digits(document: dict[str, Any]) -> None:
    body = encode(document)
    assert digits(document_of(body, beside(document, body))) == digits(document)


@pytest.mark.parametrize("body", [b"{}", b"no JSON", b'{"a": 1.0}'])
def test_a_body_that_says_something_else_does_not_win(body: bytes) -> None:
    assert digits(document_of(body, beside({"a": 1}, body))) == {"a": "1"}


def test_an_ordinary_document_is_in_its_body() -> None:
    assert beside({"a": [1, 2.5, "ü", None, True]}, b'{ "a": [1, 2.5, "\xc3\xbc", null, true] }') is None


@given(texts)
def test_every_text_comes_back_and_different_texts_stay_different(text: str) -> None:
    assert restored(storable(text)) == text
    assert (storable(text) == storable("é")) == (text == "é")
