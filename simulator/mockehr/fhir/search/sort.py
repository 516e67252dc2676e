"""`_sort` on any parameter (FHIR R4 §3.1.1.5.1): what a resource sorts by, for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from mockehr.core.folding import fold
from mockehr.fhir.search.date import interval_of
from mockehr.fhir.search.number import plain_number
from mockehr.fhir.search.quantity import bounds
from mockehr.fhir.search.string import texts
from mockehr.fhir.search.table import SearchDefinition

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SortKey:
    """One rule of `_sort`. Resources without a value come last, whichever the direction."""

    name: str
    descending: bool
    definition: SearchDefinition

    def key(self, resource: Any) -> Any | None:
        """What the resource sorts by: its smallest value (its largest when descending), or None without any."""
        read = _READ[self.definition.kind]
        found = [value for item in self.definition.extract(resource) if (value := read(item)) is not None]
        if not found:
            return None
        return max(found) if self.descending else min(found)


def order(items: Sequence[T], rules: Sequence[SortKey], read: Callable[[T], Any]) -> list[T]:
    """The items sorted by all rules, the first weighing most; equal ones keep their order.

    `read` gives the resource of an item.
    """
    ordered = list(items)
    for rule in reversed(rules):
        keyed: list[tuple[Any, T]] = [(rule.key(read(item)), item) for item in ordered]
        known = [pair for pair in keyed if pair[0] is not None]
        known.sort(key=lambda pair: pair[0], reverse=rule.descending)
        ordered = [item for _, item in known] + [item for key, item in keyed if key is None]
    return ordered


def _read_text(item: Any) -> str | None:
    return next((fold(text) for text in texts(item)), None)


def _read_token(item: Any) -> str | None:
    if isinstance(item, dict):
        codings = item.get("coding")
        if isinstance(codings, list):
            return next((code for part in codings if (code := _read_token(part)) is not None), None)
        item = item.get("value", item.get("code"))
    if isinstance(item, bool):
        return "true" if item else "false"
    return item.casefold() if isinstance(item, str) else None


def _read_reference(item: Any) -> str | None:
    text = item.get("reference") if isinstance(item, dict) else item
    return text if isinstance(text, str) else None


def _read_quantity(item: Any) -> float | None:
    found = bounds(item)
    return found[0] if found else None


_READ: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "string": _read_text,
        "token": _read_token,
        "date": interval_of,
        "reference": _read_reference,
        "quantity": _read_quantity,
        "number": plain_number,
        "uri": _read_reference,
        "composite": lambda item: None,
    }
)
