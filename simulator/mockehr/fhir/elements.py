"""Every structure of FHIR R4 (4.0.1) and R4B (4.3.0): its elements, their order, types and cardinality.

Read once from `corpora/fhir/elements.json` and, for R4B, from `elements-4.3.0.json`, which holds what differs; both
are made from HL7's definitions by `derive_elements.py` beside them. Validation, XML, summaries, patches and
strategies work from this table. A structure is made when it is first asked for. What takes a `version` means R4
unless told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal, cast

import orjson

from mockehr.core.data import data_root

R4: Final = "4.0.1"
R4B: Final = "4.3.0"
VERSIONS: Final = (R4, R4B)
"""The versions of FHIR that a site may be pinned to."""
PRIMITIVES: Final = frozenset(
    {
        "base64Binary",
        "boolean",
        "canonical",
        "code",
        "date",
        "dateTime",
        "decimal",
        "id",
        "instant",
        "integer",
        "markdown",
        "oid",
        "positiveInt",
        "string",
        "time",
        "unsignedInt",
        "uri",
        "url",
        "uuid",
        "xhtml",
    }
)
"""FHIR R4 datatypes.html#primitive, and xhtml, which JSON writes as a string."""
NO_CODES: Final[Mapping[str, frozenset[str]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Element:
    """One element under the name that JSON gives it (`valueQuantity`, not `value[x]`)."""

    name: str
    type: str
    """A primitive, a datatype, `Resource` for any resource, or a part by its path (`Patient.contact`)."""
    least: int
    """How many there are at least. For a choice: whether one of its elements has to be there."""
    many: bool
    """A list in JSON."""
    choice: str
    """`value` for `valueQuantity`; empty for what is no choice."""
    targets: tuple[str, ...]
    """What a Reference or canonical may point at; empty for anything."""
    codes: Mapping[str, frozenset[str]]
    """Code system → codes of the required binding; empty if there is none, or none that can be written down."""
    bound_to: str
    """The value set of that binding; empty if there is none."""
    summary: bool
    modifier: bool
    attribute: bool
    """An attribute in XML."""

    @property
    def primitive(self) -> bool:
        """Whether JSON has the value itself here (and may have an `_name` beside it)."""
        return self.type in PRIMITIVES


@dataclass(frozen=True, slots=True)
class Structure:
    """A resource, a datatype or a part."""

    name: str
    kind: Literal["resource", "type", "part"]
    elements: Mapping[str, Element]
    """By JSON name, in the order of the definition (which is the order of XML)."""
    choices: Mapping[str, tuple[str, ...]]
    """`value` → the JSON names that it may take."""
    required: tuple[str, ...]
    """Names of what has to be there; a choice by its bare name."""


@cache
def _data(version: str) -> Mapping[str, Any]:
    folder = data_root("corpora") / "fhir"
    table = orjson.loads((folder / "elements.json").read_bytes())
    if version != R4:
        other = orjson.loads((folder / f"elements-{version}.json").read_bytes())
        for part in ("structures", "codes"):
            table[part] |= other[part]
        for name in other["gone"]:
            del table["structures"][name]
    return cast("Mapping[str, Any]", table)


@cache
def structure(name: str, version: str = R4) -> Structure | None:
    """The structure of that name (`Patient`, `HumanName`, `Patient.contact`), or None if that version has none."""
    found = _data(version)["structures"].get(name)
    if found is None:
        return None
    elements: dict[str, Element] = {}
    choices: dict[str, tuple[str, ...]] = {}
    required = []
    for written, row in _rows(name, version).items():
        made = _elements(written, row, version)
        elements.update((element.name, element) for element in made)
        if made[0].choice:
            choices[made[0].choice] = tuple(element.name for element in made)
        if made[0].least:
            required.append(made[0].choice or written)
    return Structure(name, found[0], MappingProxyType(elements), MappingProxyType(choices), tuple(required))


def _rows(name: str, version: str) -> dict[str, list[str]]:
    """The rows of a structure, its base's first; one that it changes stays at the base's place."""
    _, base, own = _data(version)["structures"][name]
    return {**_rows(base, version), **own} if base else own


def _elements(written: str, row: list[str], version: str) -> list[Element]:
    kinds, cardinality, flags, targets, bound = [*row, "", "", ""][:5]
    name = written.removesuffix("[x]")
    choice = name if written.endswith("[x]") else ""
    return [
        Element(
            name + kind[0].upper() + kind[1:] if choice else name,
            kind,
            int(cardinality.partition("..")[0]),
            cardinality.rpartition("..")[2] not in ("0", "1"),
            choice,
            tuple(targets.split("|")) if targets else (),
            _codes(bound, version) if bound else NO_CODES,
            bound,
            "S" in flags,
            "M" in flags,
            "A" in flags,
        )
        for kind in kinds.split("|")
    ]


def known_structure(name: str) -> Structure | None:
    """R4's structure of that name, or R4B's where R4 has none: for what treats both alike."""
    return structure(name) or structure(name, R4B)


@cache
def _codes(value_set: str, version: str) -> Mapping[str, frozenset[str]]:
    systems = _data(version)["codes"][value_set]
    return MappingProxyType({system: frozenset(codes) for system, codes in systems.items()})


@cache
def resource_types(version: str = R4) -> tuple[str, ...]:
    """The resource types of a version, sorted: all that may stand in `resourceType`."""
    abstract = ("DomainResource", "Resource")
    rows = _data(version)["structures"].items()
    return tuple(sorted(name for name, row in rows if row[0] == "resource" and name not in abstract))


def is_resource_type(name: str, version: str = R4) -> bool:
    """Whether that version has a resource type of that name. Raises nothing, whatever `name` is."""
    return name in _type_names(version)


def release_name(version: str) -> str:
    """What HL7 calls a version: `R4`, `R4B`."""
    return "R4B" if version == R4B else "R4"


@cache
def _type_names(version: str) -> frozenset[str]:
    return frozenset(resource_types(version))
