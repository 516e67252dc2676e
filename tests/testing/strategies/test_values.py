"""Values of primitive types: of the right form whatever the number, and the simplest for zero."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockehr.fhir.elements import PRIMITIVES as TYPES
from mockehr.fhir.validation.primitives import FORMS
from mockehr.testing.strategies.values import PRIMITIVES, word


def test_every_primitive_type_can_be_drawn() -> None:
    assert set(PRIMITIVES) == TYPES


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_every_value_has_the_form_of_its_type(kind: str) -> None:
    drawn, read = PRIMITIVES[kind]

    @settings(max_examples=100, database=None, derandomize=True, deadline=None)
    @given(drawn)
    def check(number: Any) -> None:
        assert FORMS[kind](read(number)), read(number)

    check()


def test_zero_is_the_simplest() -> None:
    simplest = {kind: PRIMITIVES[kind].read(0) for kind in ("string", "code", "date", "dateTime", "decimal", "uri")}
    assert simplest == {
        "string": "a",
        "code": "a",
        "date": "2000-01-01",
        "dateTime": "2000-01-01",
        "decimal": 0,
        "uri": "http://example.org/a",
    }


@settings(max_examples=200, database=None, derandomize=True)
@given(st.integers(0, 2**48 - 1))
def test_words_have_no_blanks_and_nothing_that_cannot_be_printed(number: int) -> None:
    made = word(number)
    assert made.isprintable()
    assert made.split() == [made]


def test_words_are_of_any_script() -> None:
    assert {word(3 + (ord(letter) << 2)) for letter in "\u00df\u0644\u6c34\U0001f600"} == set(
        "\u00df\u0644\u6c34\U0001f600"
    )
