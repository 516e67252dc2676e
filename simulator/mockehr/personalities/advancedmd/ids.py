"""AdvancedMD's ids: whole numbers, and for Groups the office key and those after it. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mockehr.personalities.ids import NumberedIds, Place

GROUPS: Final = 100
"""Groups that the numbers after an office key are kept for."""


class AdvancedIds(NumberedIds):
    """Numbers; `office` is the first Group's."""

    def __init__(self, key: Callable[..., bytes], forms: Mapping[str, str], office: int) -> None:
        super().__init__(key, forms)
        self._office = office

    def encode(self, resource_type: str, index: int | None, ordinal: int, flavour: str = "") -> str:
        """The number of a place."""
        if resource_type == "Group" and index is None and ordinal < GROUPS:
            return str(self._office + ordinal)
        return super().encode(resource_type, index, ordinal, flavour)

    def decode(self, resource_type: str, text: str) -> Place | None:
        """The place, unless the number was never given out."""
        if resource_type == "Group" and text.isascii() and text.isdecimal() and len(text) < 12:
            ordinal = int(text) - self._office
            if 0 <= ordinal < GROUPS and str(int(text)) == text:
                return None, ordinal
        found = super().decode(resource_type, text)
        known = resource_type == "Group" and found is not None and found[0] is None and found[1] < GROUPS
        return None if known else found
