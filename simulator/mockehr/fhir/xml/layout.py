"""Where the members of a JSON object stand in XML: attributes, then elements in the order of the definition.

A layout is made once for each set of members that an object of a structure was seen with; there are few.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from mockehr.fhir.elements import R4, Element, structure
from mockehr.fhir.xml.text import element_name


class Form(IntEnum):
    """How a member is written."""

    PRIMITIVE = 0
    PRIMITIVES = 1
    EXTENDED = 2
    """With the extensions beside it, in `_name`."""
    COMPLEX = 3
    COMPLEXES = 4
    RESOURCE = 5
    DIV = 6
    FOREIGN = 7
    """R4 does not have it there."""


class Step(NamedTuple):
    """One element to be written."""

    form: int
    key: str
    name: str
    head: str
    """`<name value="`."""
    type: str


class Layout(NamedTuple):
    """The attributes by JSON name, and the elements."""

    attributes: tuple[str, ...]
    steps: tuple[Step, ...]


PART: Final = "BackboneElement"
"""What an object of unknown structure is taken for: it may have an id and extensions."""
_LAST: Final = 1 << 20


@lru_cache(maxsize=8192)
def layout(kind: str, keys: tuple[str, ...], version: str = R4) -> Layout:
    """How an object of that structure with those members is written. Members that R4 does not have come last."""
    found = structure(kind, version)
    elements = found.elements if found is not None else {}
    ranks = {name: rank for rank, name in enumerate(elements)}
    resource = found is not None and found.kind == "resource"
    attributes, steps = [], []
    for rank, key in sorted((_rank(ranks, key, place), key) for place, key in enumerate(keys)):
        element = elements.get(key)
        if resource and key == "resourceType":
            continue
        if element is not None and element.attribute:
            attributes.append(key)
        elif element is not None:
            steps.append(_step(key, element, extended=f"_{key}" in keys))
        elif key.startswith("_") and _has_value(key[1:], elements.get(key[1:]), known=rank < _LAST):
            if key[1:] not in keys:
                steps.append(_made(Form.EXTENDED, key[1:]))
        else:
            extended = f"_{key}" in keys and not key.startswith("_")
            steps.append(_made(Form.EXTENDED if extended else Form.FOREIGN, key))
    return Layout(tuple(attributes), tuple(steps))


def _rank(ranks: dict[str, int], key: str, place: int) -> int:
    return ranks.get(key.removeprefix("_"), _LAST + place)


def _has_value(name: str, element: Element | None, *, known: bool) -> bool:
    """Whether `_name` stands beside a primitive: one of R4, or an element that R4 does not know."""
    if element is None:
        return bool(name) and not known
    return element.primitive and not element.attribute and element.type != "xhtml"


def _step(key: str, element: Element, *, extended: bool) -> Step:
    if element.type == "xhtml":
        form = Form.DIV
    elif element.primitive:
        form = Form.EXTENDED if extended else Form.PRIMITIVES if element.many else Form.PRIMITIVE
    elif element.type == "Resource":
        form = Form.RESOURCE
    else:
        form = Form.COMPLEXES if element.many else Form.COMPLEX
    return _made(form, key, element.type)


def _made(form: Form, key: str, kind: str = PART) -> Step:
    name = element_name(key)
    return Step(int(form), key, name, f'<{name} value="', kind)
