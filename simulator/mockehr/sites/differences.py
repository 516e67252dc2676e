"""In which elements a client's record differs from the true one, each with its path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import orjson

from mockehr.core.exchange import JSON
from mockehr.sites.damage import damage, fairly_read, same_text, whole_characters
from mockehr.sites.holdings.element_path import same_moment, values_at
from mockehr.sites.holdings.model import Row

NO_ALIASES: Final[Mapping[str, str]] = MappingProxyType({})
PERSONS: Final = ("subject.reference", "patient.reference", "beneficiary.reference")
"""Where a record names the patient that it is about."""
_SORTED: Final = orjson.OPT_SORT_KEYS
_STEP: Final = re.compile(r"([^.\[]+)|\[(\d{1,9})\]")


@dataclass(frozen=True, slots=True)
class Alteration:
    """One element that differs. Absent elements are None. `damage` names an encoding mistake, if that explains it.

    `corruption` names what the site itself did to this record before the client saw it.
    """

    key: str
    path: str
    expected: Any
    got: Any
    damage: str = ""
    corruption: str = ""


def stable(resource: JSON, ignore: Sequence[str], aliases: Mapping[str, str] = NO_ALIASES) -> JSON:
    """The resource without what is to be left out, and with references to merged persons led to the survivor."""
    kept = dict(resource)
    for path in ignore:
        outer, _, inner = path.partition(".")
        if not inner:
            kept.pop(outer, None)
        elif isinstance(kept.get(outer), dict):
            rest = {name: value for name, value in kept[outer].items() if name != inner}
            kept[outer] = rest
            if not rest:
                del kept[outer]
    led: JSON = _led(kept, aliases) if aliases else kept
    return led


def _led(node: Any, aliases: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        led = {name: _led(value, aliases) for name, value in node.items()}
        if isinstance(led.get("reference"), str):
            led["reference"] = aliases.get(led["reference"], led["reference"])
        return led
    return [_led(item, aliases) for item in node] if isinstance(node, list) else node


def alike(one: JSON, other: JSON) -> bool:
    """Whether two resources are written alike: a quick look, which may miss that they are equal."""
    try:
        return orjson.dumps(one, option=_SORTED) == orjson.dumps(other, option=_SORTED)
    except orjson.JSONEncodeError:  # lone surrogates, for one
        return False


def differences(key: str, expected: Any, got: Any, path: str = "") -> Iterator[Alteration]:
    """Every element in which two resources differ, or two values at `path` of one."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in [*expected, *(name for name in got if name not in expected)]:
            inner = f"{path}.{name}" if path else str(name)
            yield from differences(key, expected.get(name), got.get(name), inner)
    elif isinstance(expected, list) and isinstance(got, list):
        for position in range(max(len(expected), len(got))):
            left = expected[position] if position < len(expected) else None
            right = got[position] if position < len(got) else None
            yield from differences(key, left, right, f"{path}[{position}]")
    elif isinstance(expected, str) and isinstance(got, str):
        if not same_text(expected, got):
            yield Alteration(key, path, expected, got, damage(expected, got))
    elif isinstance(expected, bool) is not isinstance(got, bool) or expected != got:
        yield Alteration(key, path, expected, got)


def row_differences(clean: JSON, row: Row, aliases: Mapping[str, str] = NO_ALIASES) -> Iterator[Alteration]:
    """The mapped elements in which a row differs from the true resource; what is not mapped is not looked at."""
    for path, value in row.elements.items():
        got = aliases.get(value, value) if path.endswith("reference") and isinstance(value, str) else value
        expected = element(clean, path, several=isinstance(value, list))
        if path.endswith("reference") and isinstance(expected, str):
            expected = aliases.get(expected, expected)
        if not same_moment(expected, got):
            yield from differences(row.key, expected, got, path)


def element(resource: JSON, path: str, *, several: bool = False) -> Any:
    """The value at an element path: the first there is, or None; all of them as a list, or None for none."""
    found = values_at(resource, path)
    if several:
        return found or None
    return found[0] if found else None


def judged(
    item: Alteration, corruption: str, served: JSON | None, repair: bool, row: bool
) -> tuple[Alteration, bool]:
    """The alteration with the corruption's name, and whether the client merely kept what the site served, and may.

    `row` says that its path is one of a mapping.
    """
    named = replace(item, corruption=corruption)
    if not corruption or repair:
        return named, False
    return named, (not item.damage if served is None else as_served(item, served, row))


def as_served(item: Alteration, served: JSON, row: bool) -> bool:
    """Whether the client has at that path what the site showed it."""
    shown = element(served, item.path, several=isinstance(item.got, list)) if row else _at(served, item.path)
    read = fairly_read(shown) if isinstance(shown, str) else shown
    if isinstance(read, str) and item.got == whole_characters(read):
        return True  # half a character cannot be kept in UTF-8
    return bool(item.got == read) or (row and same_moment(read, item.got))


def _at(resource: JSON, path: str) -> Any:
    """The value at a path as `differences` writes it; None if there is none."""
    node: Any = resource
    for name, position in _STEP.findall(path):
        if position:
            node = node[int(position)] if isinstance(node, list) and int(position) < len(node) else None
        else:
            node = node.get(name) if isinstance(node, dict) else None
    return node


def content(resource: Any, ignore: Sequence[str]) -> str:
    """What a resource says whatever its id is, for finding it again under another; empty for what is none."""
    if not isinstance(resource, dict):
        return ""
    return repr(_sorted({**stable(resource, ignore), "id": None}))


def _sorted(node: Any) -> Any:
    if isinstance(node, dict):
        return sorted((name, _sorted(value)) for name, value in node.items() if name != "meta")
    return [_sorted(item) for item in node] if isinstance(node, list) else node
