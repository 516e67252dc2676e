"""Epic's ids: families that their first and last letters tell apart, each with its length. Sources: notes.md, Ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mockehr.personalities.ids import OpaqueIds, Place

_LAST: Final = {"e": "3", "f": "4"}
"""The last letter of ids that begin with that one."""
_SHORT: Final = 24


class EpicIds(OpaqueIds):
    """OpaqueIds whose family is a setting of its own: `e…3` also long, `f…4` also short.

    `families` says by type or Type/flavour which letter an id begins with; without it the length decides.
    """

    def __init__(
        self, key: Callable[..., bytes], lengths: Mapping[str, int], families: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(key, lengths)
        self._families = dict(families or {})

    def encode(self, resource_type: str, index: int | None, ordinal: int, flavour: str = "") -> str:
        """Such as `e…3`."""
        text = super().encode(resource_type, index, ordinal, flavour)
        first = self._family(resource_type, flavour, len(text))
        return first + text[1:-1] + _LAST[first]

    def decode(self, resource_type: str, text: str) -> Place | None:
        """The place, unless the family or the check bits say that this was never given out."""
        if (text[:1], text[-1:]) not in self._ends(resource_type, len(text)):
            return None
        usual = _usual(len(text))
        return super().decode(resource_type, usual + text[1:-1] + _LAST[usual])

    def _ends(self, resource_type: str, length: int) -> set[tuple[str, str]]:
        prefix = f"{resource_type}/"
        told = {name.removeprefix(prefix) for name in (*self._lengths, *self._families) if name.startswith(prefix)}
        sizes = self._lengths
        firsts = {
            self._family(resource_type, flavour, length)
            for flavour in ("", *told)
            if length == (sizes.get(f"{resource_type}/{flavour}") or sizes.get(resource_type, _SHORT))
        }
        return {(first, _LAST[first]) for first in firsts}

    def _family(self, resource_type: str, flavour: str, length: int) -> str:
        families = self._families
        return families.get(f"{resource_type}/{flavour}") or families.get(resource_type) or _usual(length)


def _usual(length: int) -> str:
    return "e" if length == _SHORT else "f"
