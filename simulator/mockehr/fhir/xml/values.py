"""Values of primitives as text: from an attribute to what JSON has there (FHIR R4 datatypes.html#primitive)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mockehr.fhir.lossless import LONGEST_NUMBER, Lexical, Unreadable

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)").fullmatch
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch


def as_boolean(text: str) -> bool | str:
    """True or False. Anything else stays text: validation says what is wrong with it."""
    if text == "true":
        return True
    return False if text == "false" else text


def as_integer(text: str) -> int | str:
    """An integer; what is none stays text. Raises Unreadable for more digits than anybody writes."""
    if not _INTEGER(text):
        return text
    _bound(text)
    return int(text)


def as_decimal(text: str) -> float | str:
    """A number with its digits, an int where JSON would have one; what is none stays text. Raises Unreadable."""
    if not _DECIMAL(text):
        return text
    _bound(text)
    return int(text) if text.lstrip("-").isdigit() else exact(text)


def exact(text: str) -> float:
    """A float if it writes itself like that, else one that remembers its digits."""
    value = float(text)
    return value if repr(value) == text else Lexical(text)


def _bound(text: str) -> None:
    if len(text) > LONGEST_NUMBER:
        raise Unreadable(f"a number has {len(text)} characters; {LONGEST_NUMBER} are allowed")


CONVERSIONS: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType(
    {
        "boolean": as_boolean,
        "integer": as_integer,
        "positiveInt": as_integer,
        "unsignedInt": as_integer,
        "decimal": as_decimal,
    }
)
"""Primitives that JSON does not write as text."""


def as_text(value: object) -> str:
    """A primitive of JSON as FHIR writes it in an attribute."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Lexical):
        return value.text
    return str(value)
