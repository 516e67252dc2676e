"""Values of the primitive types of FHIR R4, each decoded from one number: drawing is fast, and zero is the simplest.

A number tells the form and the content, so a value costs Hypothesis one choice, which it shrinks as any number.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy


class Value(NamedTuple):
    """What is drawn for a value, and how the value is read from it: quicker than a mapped strategy."""

    drawn: SearchStrategy[Any]
    read: Callable[[Any], Any]


LETTERS: Final = "abcdefghijklmnopqrstuvwxyzAé'&<|"
"""Of plain words: with those that are escaped in JSON, XML and HL7 v2."""
_PLAIN: Final = "abcdefghijklmnopqrstuvwxyz012345"
_OF_IDS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."
_WIDEST: Final = 17
"""Bits of a character of any script: the planes in which text is written."""
_ZONES: Final = ("Z", "+02:00", "-05:00", ".25Z")
_DAYS: Final = 201 * 12 * 28
_SMALL: Final = 2**24 - 1
"""Below this Hypothesis draws evenly, above it mostly small numbers."""
_LONG: Final = 2**48 - 1


def word(number: int) -> str:
    """A text without blanks; one of four is of any script."""
    form, rest = number & 3, number >> 2
    if form < 3:
        return _spelt(rest, LETTERS, 5)
    found = []
    while rest:
        letter = chr(rest & (1 << _WIDEST) - 1)
        found.append(letter if letter.isprintable() and letter != " " else "?")
        rest >>= _WIDEST
    return "".join(found) or "?"


def code(number: int) -> str:
    """A code of lower letters and figures."""
    return _spelt(number, _PLAIN, 5)


def _id(number: int) -> str:
    return _spelt(number, _OF_IDS, 6)


def _spelt(number: int, letters: str, bits: int) -> str:
    found = [letters[number & (1 << bits) - 1]]
    number >>= bits
    while number:
        found.append(letters[number & (1 << bits) - 1])
        number >>= bits
    return "".join(found)


def day(number: int) -> str:
    """A day of 1900 to 2100; 2000-01-01 for zero."""
    rest, date = divmod(number, 28)
    years, month = divmod(rest, 12)
    return f"{1900 + (years + 100) % 201:04}-{month + 1:02}-{date + 1:02}"


def _date(number: int) -> str:
    return day(number >> 2)[: (10, 10, 7, 4)[number & 3]]


def _date_time(number: int) -> str:
    form, rest = number & 3, number >> 2
    moment, date = divmod(rest, _DAYS)
    if form == 2:
        return day(date)[:7]
    return _moment(date, moment) if form else day(date)


def _moment(date: int, moment: int) -> str:
    return f"{day(date)}T{_clock(moment // len(_ZONES) % 86400)}{_ZONES[moment % len(_ZONES)]}"


def _instant(number: int) -> str:
    moment, date = divmod(number, _DAYS)
    return _moment(date, moment)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _decimal(number: int) -> int | float:
    form, rest = number & 1, number >> 1
    value = -(rest >> 1) - 1 if rest & 1 else rest >> 1
    return value / 100 if form else value


def _base64(number: int) -> str:
    return b64encode(number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")).decode()


def _oid(number: int) -> str:
    rest, root = divmod(number, 3)
    parts = [1 + rest % 999, 1 + rest // 999 % 999]
    rest //= 999 * 999
    while rest:
        parts.append(1 + rest % 999)
        rest //= 999
    return f"urn:oid:{root}." + ".".join(map(str, parts))


def _uri(number: int) -> str:
    return f"http://example.org/{code(number)}"


def _xhtml(number: int) -> str:
    text = word(number).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'


def _uuid(number: int) -> str:
    return f"urn:uuid:{UUID(int=number, version=4)}"


def as_drawn(drawn: SearchStrategy[Any]) -> Value:
    """Values that are taken as they are drawn."""
    return Value(drawn, _same)


def _same(drawn: Any) -> Any:
    return drawn


def _of(most: int, decode: Callable[[int], Any]) -> Value:
    return Value(st.integers(0, most), decode)


PRIMITIVES: Final[Mapping[str, Value]] = MappingProxyType(
    {
        "base64Binary": _of(_LONG, _base64),
        "boolean": as_drawn(st.booleans()),
        "canonical": _of(_SMALL, _uri),
        "code": _of(_SMALL, code),
        "date": _of(4 * _DAYS - 1, _date),
        "dateTime": _of(4 * _DAYS * 86400 * len(_ZONES) - 1, _date_time),
        "decimal": _of(400_000, _decimal),
        "id": _of(_LONG, _id),
        "instant": _of(_DAYS * 86400 * len(_ZONES) - 1, _instant),
        "integer": as_drawn(st.integers(-(2**31), 2**31 - 1)),
        "markdown": _of(_LONG, word),
        "oid": _of(_LONG, _oid),
        "positiveInt": as_drawn(st.integers(1, 2**31 - 1)),
        "string": _of(_LONG, word),
        "time": _of(86399, _clock),
        "unsignedInt": as_drawn(st.integers(0, 2**31 - 1)),
        "uri": _of(_SMALL, _uri),
        "url": _of(_SMALL, _uri),
        "uuid": _of(2**128 - 1, _uuid),
        "xhtml": _of(_LONG, _xhtml),
    }
)
"""Values of each primitive type (FHIR R4 datatypes.html#primitive)."""
