"""MEDITECH's ids: UUIDs of version 5, some with a prefix; a care team has its patient's. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mockehr.fhir.elements import resource_types
from mockehr.personalities.ids import NumberedIds, Place

TEAM: Final = "CareTeam"
PLAIN: Final = "{uuid5}"


class MeditechIds(NumberedIds):
    """`forms` are those that are not a bare UUID, by type and flavour: `Observation/laboratory: LA.{uuid5}`."""

    def __init__(self, key: Callable[..., bytes], forms: Mapping[str, str], version: str) -> None:
        super().__init__(key, dict.fromkeys(resource_types(version), PLAIN) | dict(forms))

    def encode(self, resource_type: str, index: int | None, ordinal: int, flavour: str = "") -> str:
        """The UUID in the type's form; of a patient's care team, of which there is one, the patient's own."""
        if resource_type == TEAM and index is not None:
            return super().encode("Patient", index, 0)
        return super().encode(resource_type, index, ordinal, flavour)

    def decode(self, resource_type: str, text: str) -> Place | None:
        """The place; that of the patient for a care team."""
        return super().decode("Patient" if resource_type == TEAM else resource_type, text)
