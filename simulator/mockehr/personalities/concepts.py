"""Making, reading and trimming CodeableConcepts on plain JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mockehr.core.exchange import JSON


def coding(system: str, code: str, display: str = "", **more: Any) -> JSON:
    """A Coding; an empty display is left out."""
    made: JSON = {"system": system, "code": code}
    if display:
        made["display"] = display
    made.update(more)
    return made


def concept(system: str, code: str, display: str = "", text: str = "") -> JSON:
    """A CodeableConcept with one coding; `text` falls back to the display."""
    made: JSON = {"coding": [coding(system, code, display)]}
    if text or display:
        made["text"] = text or display
    return made


def codings(element: Any) -> list[JSON]:
    """All codings of a CodeableConcept or of a list of them."""
    concepts = element if isinstance(element, list) else [element]
    found = (one for item in concepts if isinstance(item, dict) for one in item.get("coding", ()))
    return [one for one in found if isinstance(one, dict)]


def code_in(element: Any, *systems: str) -> str:
    """The first code, of one of these systems if any are named; empty if there is none."""
    return next(
        (
            str(one["code"])
            for one in codings(element)
            if "code" in one and (not systems or one.get("system") in systems)
        ),
        "",
    )


def codes_of(element: Any) -> set[str]:
    """All codes, whatever their systems."""
    return {str(one["code"]) for one in codings(element) if "code" in one}


def text_of(element: Any) -> str:
    """What people would read: the text, or the first display, or the first code."""
    first = element[0] if isinstance(element, list) and element else element
    if not isinstance(first, dict):
        return ""
    known = (first.get("text"), *(one.get("display") for one in codings(first)), code_in(first))
    return next((str(text) for text in known if text), "")


def with_text(element: JSON) -> JSON:
    """The same concept, with a text if it had none; changes and returns it."""
    if "text" not in element:
        text = text_of(element)
        if text:
            element["text"] = text
    return element


def add_display(element: JSON, displays: Any) -> JSON:
    """Fill missing displays: `displays` maps code to display; a code that it lacks shows itself, capitalised."""
    for one in codings(element):
        if "display" not in one and "code" in one:
            code = str(one["code"])
            one["display"] = displays.get(code) or code.replace("-", " ").title()
    return element


def drop(resource: JSON, *names: str) -> None:
    """Remove elements, with their `_` siblings."""
    for name in names:
        resource.pop(name, None)
        resource.pop(f"_{name}", None)


def keep(node: JSON, *names: str) -> JSON:
    """A dict of those elements that are there, in the order of the names."""
    return {name: node[name] for name in names if name in node}


def without(nodes: Iterable[JSON], *names: str) -> list[JSON]:
    """Copies of these objects without some elements."""
    return [{key: value for key, value in node.items() if key not in names} for node in nodes]
