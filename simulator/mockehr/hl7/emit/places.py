"""A Location, or a reference to one, as PL."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.terms import LOCAL_AUTHORITY
from mockehr.hl7.write import Component

PLACES: Final = LOCAL_AUTHORITY + "location"
"""System of identifiers that are a PL: its components joined by `^`."""
LONGEST: Final = 20
"""Characters that an IS may have."""


def place_pl(reference: JSON | None, location: JSON | None = None) -> list[Component]:
    """A place as PL: the identifier that is one, else its first one as point of care, else a name that fits.

    The name goes to the description, PL.9. PL.1 is an IS of 20 characters at most.
    """
    reference, location = reference or {}, location or {}
    name = str(location.get("name") or reference.get("display", ""))
    numbers = [one for one in (reference.get("identifier"), *location.get("identifier", [])) if one]
    known = next((one for one in numbers if one.get("system") == PLACES), numbers[0] if numbers else {})
    value = str(known.get("value", ""))
    if not value and len(name) <= LONGEST and name:
        return [name]
    value = value or str(location.get("id", ""))
    if not (value or name):
        return []
    components: list[Component] = list(value.split("^")) if known.get("system") == PLACES else [value]
    if name and name not in (value, value.replace("^", " ")):
        components += [""] * (8 - len(components)) + [name]
    return components
