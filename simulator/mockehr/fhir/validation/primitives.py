"""The forms of the primitive types (FHIR R4 datatypes.html#primitive) as JSON writes them. Each test never raises."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from types import MappingProxyType
from typing import Any, Final

from mockehr.fhir.search.date import interval
from mockehr.fhir.validation.narrative import fault_of

ID_FORM: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""FHIR R4 datatypes.html#id."""
LONGEST_STRING: Final = 1 << 20
"""Characters in a string (datatypes.html#string: 1 MB)."""
_CODE_FORM = re.compile(r"\S+( \S+)*", re.ASCII)
_DATE_FORM = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_ZONED_TIME = r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
_DATE_TIME_FORM = re.compile(rf"[0-9]{{4}}(-[0-9]{{2}}(-[0-9]{{2}}({_ZONED_TIME})?)?)?")
_INSTANT_FORM = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{_ZONED_TIME}")
_TIME_FORM = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?")
_OID_FORM = re.compile(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+")
_UUID_FORM = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SPACE = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def _is_text(value: Any) -> bool:
    if type(value) is not str:
        return False
    if value.isprintable():
        return value != "" and not value.isspace() and len(value) <= LONGEST_STRING
    return not value.isspace() and len(value) <= LONGEST_STRING and not _CONTROL.search(value)


def _is_whole(lowest: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and lowest <= value <= 2**31 - 1


def _has_form(form: re.Pattern[str], *, dated: bool = False) -> Callable[[Any], bool]:
    @lru_cache(maxsize=8192)
    def matches(value: str) -> bool:
        return bool(form.fullmatch(value)) and (not dated or interval(value) is not None)

    def test(value: Any) -> bool:
        if type(value) is not str:
            return False
        return matches(value) if len(value) < 100 else bool(form.fullmatch(value)) and not dated

    return test


def _is_decimal(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return False
    return isinstance(value, int) or isfinite(value)


def _is_uri(value: Any) -> bool:
    if type(value) is not str or not value:
        return False
    if value.isascii() and value.isprintable() and " " not in value:
        return True
    return not any(letter.isspace() for letter in value)


def _is_base64(value: Any) -> bool:
    if type(value) is not str or not value:
        return False
    try:
        binascii.a2b_base64(_SPACE.sub("", value), strict_mode=True)
    except ValueError:
        return False
    return True


FORMS: Final[Mapping[str, Callable[[Any], bool]]] = MappingProxyType(
    {
        "boolean": lambda value: value is True or value is False,
        "integer": _is_whole(-(2**31)),
        "unsignedInt": _is_whole(0),
        "positiveInt": _is_whole(1),
        "decimal": _is_decimal,
        "string": _is_text,
        "markdown": _is_text,
        "code": _has_form(_CODE_FORM),
        "id": _has_form(ID_FORM),
        "uri": _is_uri,
        "url": _is_uri,
        "canonical": _is_uri,
        "oid": _has_form(_OID_FORM),
        "uuid": _has_form(_UUID_FORM),
        "date": _has_form(_DATE_FORM, dated=True),
        "dateTime": _has_form(_DATE_TIME_FORM, dated=True),
        "instant": _has_form(_INSTANT_FORM, dated=True),
        "time": _has_form(_TIME_FORM),
        "base64Binary": _is_base64,
        "xhtml": lambda value: fault_of(value) == "",
    }
)
"""Type → whether a JSON value is one."""
WANTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "boolean": "true or false",
        "integer": "a whole number of 32 bits",
        "unsignedInt": "a whole number from 0 to 2147483647",
        "positiveInt": "a whole number from 1 to 2147483647",
        "decimal": "a number",
        "string": "text that is not blank, without control characters",
        "markdown": "text that is not blank, without control characters",
        "code": "a word without blanks at its ends or double blanks",
        "id": "up to 64 letters, digits, hyphens and dots",
        "uri": "an address without blanks",
        "url": "an address without blanks",
        "canonical": "an address without blanks",
        "oid": "urn:oid: and numbers with dots",
        "uuid": "urn:uuid: and a UUID in lower case",
        "date": "YYYY, YYYY-MM or YYYY-MM-DD, a day of the calendar",
        "dateTime": "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a zone, a day of the calendar",
        "instant": "YYYY-MM-DDThh:mm:ss with a zone, a day of the calendar",
        "time": "hh:mm:ss",
        "base64Binary": "base64",
    }
)
"""Type → its form in words."""


def told(value: object, kind: str, text: str) -> str:
    """Why a value (already in words, `text`) is no `kind`: `'1-2-2024' is no date: YYYY, YYYY-MM or …`."""
    if kind == "xhtml":
        return f"the div is no good narrative: {fault_of(value)}"
    return f"{text} is no {kind}: {WANTED[kind]}"
