"""What differs between two personalities, or two sites of one vendor: setting by setting, with its sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mockehr.personalities.behaviours import Behaviour, behaviours
from mockehr.personalities.load import personality_names

ABSENT: Final = "–"


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting by its dotted name; `sources` are those of the rows of either vendor's notes that speak of it."""

    setting: str
    first: Any
    second: Any
    sources: tuple[str, ...] = ()


def differences(
    first: Mapping[str, Any], second: Mapping[str, Any], vendors: tuple[str, ...] = ()
) -> Iterator[Difference]:
    """What differs between two sets of settings, in the order of the first. `vendors` are those whose notes count."""
    known = [row for vendor in vendors if vendor in personality_names() for row in behaviours(vendor)]
    for setting, one, other in _unlike(first, second, ""):
        found = (f"{row.vendor} {row.id}: {row.source}" for row in known if _speaks(row, setting))
        yield Difference(setting, one, other, tuple(dict.fromkeys(found)))


def _unlike(first: Mapping[str, Any], second: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys((*first, *second)):
        one, other = first.get(name, ABSENT), second.get(name, ABSENT)
        where = f"{path}.{name}" if path else str(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _unlike(one, other, where)
        elif one != other:
            yield where, one, other


def _speaks(row: Behaviour, setting: str) -> bool:
    return any(setting == name or setting.startswith(f"{name}.") for name in row.settings)
