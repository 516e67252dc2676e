"""What a resource is called where others refer to it."""

from __future__ import annotations

from typing import Any

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import text_of


def main_name(resource: JSON) -> JSON:
    """The official HumanName, or the first; empty if there is none."""
    names = [name for name in resource.get("name", ()) if isinstance(name, dict)]
    return next((name for name in names if name.get("use") == "official"), names[0] if names else {})


def spoken_name(name: JSON) -> str:
    """`Ana María Núñez`."""
    parts = (*name.get("given", ()), name.get("family", ""), *name.get("suffix", ()))
    return " ".join(part for part in parts if part) or str(name.get("text", ""))


def sorted_name(name: JSON) -> str:
    """`Núñez, Ana María`, with a suffix after the given names."""
    given = " ".join(part for part in (*name.get("given", ()), *name.get("suffix", ())) if part)
    family = str(name.get("family", ""))
    return ", ".join(part for part in (family, given) if part) or str(name.get("text", ""))


def titled_name(name: JSON) -> str:
    """`Ana Núñez, MD`: a practitioner with the degree after a comma."""
    plain = " ".join(part for part in (*name.get("given", ()), name.get("family", "")) if part)
    degrees = ", ".join(name.get("suffix", ()))
    return ", ".join(part for part in (plain, degrees) if part) or str(name.get("text", ""))


def title_of(resource: JSON) -> str:
    """What a resource that is no person is called: its name, or the text of what it is; empty if nothing says."""
    name: Any = resource.get("name")
    if isinstance(name, str):
        return name
    for element in ("code", "vaccineCode", "medicationCodeableConcept", "type"):
        text = text_of(resource.get(element))
        if text:
            return text
    return str(resource.get("title") or resource.get("description") or "")
