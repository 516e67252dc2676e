"""PL, a place in the hospital, as a logical reference to a Location."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.segment import Repetition, part
from mockehr.hl7.terms import LOCAL_AUTHORITY

PLACES: Final = LOCAL_AUTHORITY + "location"
"""System of identifiers that are a PL: its components joined by `^`."""


def place_identifier(repetition: Repetition) -> JSON | None:
    """The identifier of a PL: point of care, room, bed, facility; None if it names nothing."""
    components = [part(repetition, number) for number in range(1, 5)]
    if not any(components[:3]):
        return None
    return {"system": PLACES, "value": "^".join(components).rstrip("^")}


def place_name(repetition: Repetition) -> str:
    """What people call a PL: its description (PL.9), else point of care, room and bed."""
    return part(repetition, 9) or " ".join(piece for n in range(1, 4) if (piece := part(repetition, n)))


def place(repetition: Repetition) -> JSON | None:
    """A PL as Reference; None if it names nothing."""
    number, name = place_identifier(repetition), place_name(repetition)
    if not name:
        return None
    return {"type": "Location", **({"identifier": number} if number else {}), "display": name}
