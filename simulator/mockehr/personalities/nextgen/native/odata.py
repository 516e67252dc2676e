"""OData as far as NextGen's own API takes it: `$filter` of comparisons with `and`, `$orderby`, `$top`, `$skip`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from mockehr.personalities.nextgen.native.answers import Faulty, message

Pairs = list[tuple[str, str]]

FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "id": "_id",
        "firstname": "given",
        "lastname": "family",
        "dateofbirth": "birthdate",
        "sex": "gender",
        "city": "address-city",
        "zip": "address-postalcode",
        "homephone": "phone",
        "cellphone": "phone",
        "emailaddress": "email",
        "personnumber": "identifier",
        "medicalrecordnumber": "identifier",
    }
)
"""A person's field in lower case → the search parameter that finds it."""
SEXES: Final[Mapping[str, str]] = MappingProxyType({"M": "male", "F": "female", "U": "unknown"})
_TEXTS: Final = frozenset({"given", "family", "address-city"})
_SORTED: Final = frozenset({"family", "given", "birthdate", "gender", "_id"})
_COMPARISON: Final = re.compile(
    r"\s*(?:(?P<call>startswith|contains)\s*\(\s*(?P<field>\w+)\s*,\s*'(?P<part>(?:[^']|'')*)'\s*\)(?:\s+eq\s+true)?"
    r"|(?P<name>\w+)\s+(?P<op>eq|ge|gt|le|lt)\s+(?:'(?P<text>(?:[^']|'')*)'|(?P<bare>[\w.:+-]+)))\s*",
    re.IGNORECASE,
)
_AND: Final = re.compile(r"and\b", re.IGNORECASE)
_DAY: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?")
_LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class Asked:
    """A slice of a list. `query` is the FHIR search that finds it."""

    query: str
    top: int
    skip: int
    counted: bool


def asked_for(parameters: Sequence[tuple[str, str]], *, page: int, largest: int) -> Asked:
    """What `$filter`, `$orderby`, `$top`, `$skip` and `$count` want of persons; raises Faulty."""
    told = dict(parameters)
    pairs = filter_of(told.get("$filter", ""))
    pairs += _order_of(told.get("$orderby", ""))
    top = _number(told, "$top", page)
    counted = told.get("$count", "").lower() == "true"
    return Asked(urlencode(pairs), min(top, largest), _number(told, "$skip", 0), counted)


def filter_of(text: str) -> Pairs:
    """Search parameters of a `$filter`; raises Faulty for what is none, `or` and parentheses among it."""
    if len(text) > _LONGEST:
        raise Faulty(message(400, "The $filter is too long."))
    pairs: Pairs = []
    rest = text.strip()
    while rest:
        found = _COMPARISON.match(rest)
        if found is None:
            raise Faulty(message(400, f"The query specified in the URI is not valid. Syntax error in '{text}'."))
        pairs.append(_pair(found))
        rest = rest[found.end() :]
        if rest:
            joint = _AND.match(rest)
            if joint is None or not rest[joint.end() :].strip():
                raise Faulty(message(400, f"The query specified in the URI is not valid. Syntax error in '{text}'."))
            rest = rest[joint.end() :]
    return pairs


def _pair(found: re.Match[str]) -> tuple[str, str]:
    call = (found["call"] or "").lower()
    value = (found["part"] if call else found["text"] or found["bare"] or "").replace("''", "'")
    return compared(found["field"] or found["name"], call or found["op"].lower(), value)


def compared(field: str, how: str, value: str) -> tuple[str, str]:
    """The search parameter of one comparison (`eq`, `ge` …, `startswith`, `contains`); raises Faulty."""
    name = FIELDS.get(field.lower())
    if name is None:
        raise Faulty(message(400, f"Could not find a property named '{field}' on type 'Person'."))
    if how != "eq" and (name not in _TEXTS if how in ("startswith", "contains") else name != "birthdate"):
        raise Faulty(message(400, f"The property '{field}' cannot be used with '{how}'."))
    if name == "birthdate":
        day = _DAY.fullmatch(value)
        if day is None:
            raise Faulty(message(400, f"'{value}' is not a valid date."))
        return name, ("" if how == "eq" else how) + day[1]
    if name == "gender":
        return name, SEXES.get(value.upper(), "other")
    escaped = re.sub(r"([\\,$|])", r"\\\1", value)
    if name == "identifier":
        return name, f"www.nextgen.com|{escaped}"
    if name == "address-postalcode":
        return name, escaped[:5]
    modifier = {"eq": ":exact", "contains": ":contains"}.get(how, "") if name in _TEXTS else ""
    return name + modifier, escaped


def _order_of(text: str) -> Pairs:
    names = []
    for one in filter(None, (part.strip() for part in text.split(","))):
        field, _, direction = one.partition(" ")
        name = FIELDS.get(field.lower(), "")
        if name not in _SORTED or direction.strip().lower() not in ("", "asc", "desc"):
            raise Faulty(message(400, f"The query specified in the URI is not valid. $orderby '{one}' is unknown."))
        names.append(f"-{name}" if direction.strip().lower() == "desc" else name)
    return [("_sort", ",".join(names))] if names else []


def _number(told: Mapping[str, str], name: str, default: int) -> int:
    text = told.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Faulty(message(400, f"Invalid value '{text}' for {name} query option found."))
    return int(text)
