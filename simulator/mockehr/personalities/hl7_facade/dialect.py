"""A facade that shows what HL7 messages said and no more. Sources: notes.md."""

from __future__ import annotations

from typing import Any

from mockehr.core.exchange import JSON
from mockehr.personalities.dresser import Dresser
from mockehr.personalities.model import Personality


class Vendor(Personality):
    """Elements that segments have, first codings, names in capitals."""

    def shape(self, made: JSON, clean: JSON, dresser: Dresser, flavour: str | None) -> JSON:
        """By the settings `shape.tables`."""
        tables = self.settings["shape"]["tables"]
        kept = tables["kept"].get(clean["resourceType"])
        head = ("resourceType", "id", "meta") if tables["profiles"] else ("resourceType", "id")
        if kept is not None:
            made = {name: value for name, value in made.items() if name in head or name.lstrip("_") in kept}
        first, displays, upper = int(tables["codings"]), bool(tables["displays"]), tables["names"] == "upper"
        return {name: _pared(value, name, first, displays, upper) for name, value in made.items()}


def _pared(value: Any, name: str, first: int, displays: bool, upper: bool) -> Any:
    """An element with so many codings at most, references without names, names of people in capitals."""
    if isinstance(value, list):
        found = value[:first] if name == "coding" and first else value
        return [_pared(one, name, first, displays, upper) for one in found]
    if not isinstance(value, dict):
        return value.upper() if upper and isinstance(value, str) and name in ("family", "given") else value
    hidden = () if displays or "reference" not in value else ("display",)
    return {key: _pared(one, key, first, displays, upper) for key, one in value.items() if key not in hidden}
