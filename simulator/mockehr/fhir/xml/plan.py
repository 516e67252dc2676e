"""What may stand inside an element, as the reader asks for it: by the parser's name for it, namespace included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from functools import cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from mockehr.fhir.elements import R4, resource_types, structure
from mockehr.fhir.xml.text import FHIR, XHTML
from mockehr.fhir.xml.values import CONVERSIONS


class Kind(IntEnum):
    """What an element holds."""

    PRIMITIVE = 0
    COMPLEX = 1
    HOLDER = 2
    """One element of any resource type."""
    RESOURCE = 3
    DIV = 4


class Slot(NamedTuple):
    """One element in its place."""

    kind: int
    key: str
    many: bool
    convert: Callable[[str], Any] | None
    """From the text of `value`; None where JSON has a text too."""
    type: str
    attributes: frozenset[str]


Slots = Mapping[str, Slot]
NO_ATTRIBUTES: Final[frozenset[str]] = frozenset()


@cache
def slots(kind: str, version: str = R4) -> Slots:
    """The elements of a structure, by `namespace name`. Raises KeyError if that version has no such structure."""
    found = structure(kind, version)
    if found is None:
        raise KeyError(kind)
    made = {}
    for name, element in found.elements.items():
        if element.attribute:
            continue
        if element.type == "xhtml":
            made[f"{XHTML} {name}"] = Slot(int(Kind.DIV), name, False, None, element.type, NO_ATTRIBUTES)
            continue
        if element.primitive:
            of, told = Kind.PRIMITIVE, NO_ATTRIBUTES
        elif element.type == "Resource":
            of, told = Kind.HOLDER, NO_ATTRIBUTES
        else:
            of, told = Kind.COMPLEX, attributes(element.type, version)
        convert = CONVERSIONS.get(element.type)
        made[f"{FHIR} {name}"] = Slot(int(of), name, element.many, convert, element.type, told)
    return MappingProxyType(made)


def attributes(kind: str, version: str = R4) -> frozenset[str]:
    """The attributes of a structure: `id`, and the `url` of an Extension."""
    found = structure(kind, version)
    if found is None:
        return NO_ATTRIBUTES
    return frozenset(name for name, element in found.elements.items() if element.attribute)


@cache
def resources(version: str = R4) -> Slots:
    """Every resource type of a version, as what stands in a holder or at the top."""
    return MappingProxyType(
        {
            f"{FHIR} {name}": Slot(int(Kind.RESOURCE), name, False, None, name, NO_ATTRIBUTES)
            for name in resource_types(version)
        }
    )


@cache
def of_primitive(version: str = R4) -> Slots:
    """What may stand in a primitive: extensions."""
    return MappingProxyType({f"{FHIR} extension": slots("Element", version)[f"{FHIR} extension"]})
