"""Oracle Health's ids: numbers, mostly with a prefix, and some of several parts. Sources: notes.md, section Ids."""

from __future__ import annotations

from typing import Final

from mockehr.personalities.ids import NumberedIds, Place

_PARTS: Final = frozenset({"Slot", "Schedule"})
_NUMBERED_AS: Final = "Slot"
"""A Slot and its Schedule have one id."""
_NOWHERE: Final = "0-0-0"


class OracleIds(NumberedIds):
    """As NumberedIds, but a RelatedPerson's id ends with the patient's, and Slots and Schedules have four parts.

    Their flavour is what the other parts are: `{appointment type}-{location}-{minute}`.
    """

    def encode(self, resource_type: str, index: int | None, ordinal: int, flavour: str = "") -> str:
        """The number in the type's form, with what it belongs to."""
        if resource_type in _PARTS:
            kind, place, minute = (flavour or _NOWHERE).split("-")
            return f"{kind}-{place}-{super().encode(_NUMBERED_AS, index, ordinal)}-{minute}"
        text = super().encode(resource_type, index, ordinal, flavour)
        if resource_type == "RelatedPerson" and index is not None:
            return f"{text}-{super().encode('Patient', index, 0)}"
        return text

    def decode(self, resource_type: str, text: str) -> Place | None:
        """The place; of Slots and Schedules the third part says it."""
        if resource_type in _PARTS:
            parts = text.split("-")
            plain = len(parts) == 4 and all(part.isascii() and part.isdigit() for part in parts)
            return super().decode(_NUMBERED_AS, parts[2]) if plain else None
        if resource_type != "RelatedPerson":
            return super().decode(resource_type, text)
        place = super().decode(resource_type, text.partition("-")[0])
        return place if place is not None and self.encode(resource_type, *place) == text else None
