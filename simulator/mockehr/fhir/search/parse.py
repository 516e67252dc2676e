"""From a query string to parameters: decoding, modifiers, chains, commas, escapes, prefixes.

FHIR R4 §3.1.1.4 (search) and §3.1.1.4.7 (escaping): `\\,` `\\$` `\\|` `\\\\` stand for the character itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

RESULT_PARAMETERS: Final = frozenset(
    {
        "_count",
        "_sort",
        "_include",
        "_revinclude",
        "_summary",
        "_elements",
        "_total",
        "_format",
        "_pretty",
        "_contained",
        "_containedType",
    }
)
"""Parameters that shape the answer and select nothing."""

HAS: Final = "_has"

PREFIXES: Final = frozenset({"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"})


class InvalidValue(ValueError):
    """A parameter that cannot be used; the text says why, for people."""


class Parameter(NamedTuple):
    """One parameter of a query, decoded. Commas are split, other escapes still stand in `values`."""

    key: str
    """The name as it was given, with modifier and chain: `subject:Patient.name:exact`."""
    name: str
    """The search parameter's own name: `subject`."""
    modifier: str
    """`exact`, `not`, `missing`, a type such as `Patient`, or empty."""
    chain: str
    """What follows the first dot (`name:exact`); empty when not chained."""
    values: tuple[str, ...]
    """The alternatives, any of which may match."""
    raw: str
    """The decoded value before it was split."""


def parse_pairs(query: str) -> list[tuple[str, str]]:
    """Decoded (name, value) pairs of a query string, in order, duplicates and empty values kept; never raises."""
    pairs = []
    for part in query.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if "%" in value or "+" in value:
            value = unquote_plus(value)
        if "%" in name or "+" in name:
            name = unquote_plus(name)
        pairs.append((name, value))
    return pairs


def parse_parameter(key: str, raw: str) -> Parameter:
    """One pair as a Parameter."""
    name, chain = key, ""
    if key.startswith(HAS + ":"):
        _, *parts = key.split(":", 3)
        values = tuple(split_escaped(raw, ","))
        return Parameter(key, HAS, ":".join(parts[:2]), parts[2] if len(parts) == 3 else "", values, raw)
    if "." in key:
        name, _, chain = key.partition(".")
    name, _, modifier = name.partition(":")
    values = (raw,) if "," not in raw else tuple(split_escaped(raw, ","))
    return Parameter(key, name, modifier, chain, values, raw)


def parse_query(query: str | Sequence[tuple[str, str]]) -> list[Parameter]:
    """All parameters of a query string, or of pairs that are decoded already, in order."""
    pairs = parse_pairs(query) if isinstance(query, str) else query
    return [parse_parameter(key, raw) for key, raw in pairs]


def split_escaped(text: str, separator: str) -> list[str]:
    """Split at every `separator` that no backslash precedes; escapes stay as they are."""
    if "\\" not in text:
        return text.split(separator)
    parts, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == separator:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    parts.append(text[start:])
    return parts


def unescape(text: str) -> str:
    """Resolve `\\,` `\\$` `\\|` `\\\\`; any other backslash stands for itself."""
    if "\\" not in text:
        return text
    out, at = [], 0
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in (",", "$", "|", "\\"):
            at += 1
        out.append(text[at])
        at += 1
    return "".join(out)


def split_prefix(text: str) -> tuple[str, str]:
    """(`ge`, `2024`) of `ge2024`; the prefix is `eq` where none is written."""
    if text[:2] in PREFIXES:
        return text[:2], text[2:]
    return "eq", text
