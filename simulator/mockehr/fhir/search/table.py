"""The table of search parameters: what FHIR R4 and US Core 6.1.0 define, read once from `corpora/fhir`.

Nothing is read before the first search, and an expression is compiled when its parameter is first used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal, cast

import orjson

from mockehr.core.data import data_root
from mockehr.fhir.elements import R4, resource_types
from mockehr.fhir.search.extract import Extractor, compile_expression

Kind = Literal["token", "string", "date", "reference", "number", "quantity", "uri", "composite"]
BASE_DEFINITION = "http://hl7.org/fhir/SearchParameter/"
NOT_OFFERED: Final = MappingProxyType(
    {
        "_text": "there is no full-text index here",
        "_content": "there is no full-text index here",
        "_filter": "the filter language is not supported",
        "_query": "there are no named queries here",
        "_list": "lists are not searched by",
        "phonetic": "names are not compared by their sound",
        "near": "there is no map here",
    }
)
"""What the standard has and this server does not, with the reason."""
_RESOLVED: Final = re.compile(r"\.where\(resolve\(\) is (\w+)\)")
_DIRECT: Final = re.compile(r"\w+\.(\w+)(?:\.where\(resolve\(\) is (\w+)\))?")
_WHOLE: Final = "%resource."


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a composite parameter, applied to each element that the whole selects."""

    kind: Kind
    expression: str
    base: str
    """The expression of the whole."""
    of_resource: bool
    """The part is taken from the resource, not from the element."""
    fhir_version: str = R4

    @property
    def extract(self) -> Extractor:
        """Element (or resource) → the values that this part looks at."""
        return compile_expression(self.expression, self.base, self.fhir_version)


@dataclass(frozen=True, slots=True)
class SearchDefinition:
    """One search parameter of one resource type."""

    name: str
    kind: Kind
    expression: str
    """The part of the SearchParameter's FHIRPath that concerns this type."""
    definition: str
    """Canonical URL of the SearchParameter."""
    targets: tuple[str, ...]
    """Resource types that a reference may point at; empty or `*` for any."""
    components: tuple[Component, ...]
    fhir_version: str = R4

    @property
    def extract(self) -> Extractor:
        """Resource → the values that the parameter looks at (compiled on first use)."""
        return compile_expression(self.expression, "", self.fhir_version)

    @property
    def direct(self) -> tuple[str, str] | None:
        """(element, type) where the parameter is one Reference at the top of the resource; the type may be empty."""
        found = _DIRECT.fullmatch(self.expression)
        return (found.group(1), found.group(2) or "") if found and not self.any_target else None

    @property
    def any_target(self) -> bool:
        """True if the reference may point at any type."""
        return not self.targets or "*" in self.targets

    def may_refer_to(self, resource_type: str) -> bool:
        """True if a reference of this parameter may point at that type."""
        return self.any_target or resource_type in self.targets

    def never(self, resource_type: str) -> str:
        """Why a type cannot be referred to, in words."""
        return f"{self.name} refers to {', '.join(self.targets)}, never to {resource_type}"


def read_table(name: str) -> Any:
    """The parsed JSON file `name` of `corpora/fhir`."""
    return orjson.loads((data_root("corpora") / "fhir" / name).read_bytes())


@cache
def _data(version: str) -> Mapping[str, Mapping[str, Any]]:
    table = read_table("search-parameters.json")
    if version != R4:
        for kind, rows in read_table(f"search-parameters-{version}.json").items():
            merged = {**table.pop(kind, {}), **(rows or {})}
            if rows is not None:
                table[kind] = {name: row for name, row in sorted(merged.items()) if row is not None}
    return cast("Mapping[str, Mapping[str, Any]]", table)


@cache
def definitions(resource_type: str, version: str = R4) -> Mapping[str, SearchDefinition]:
    """Name → definition of all parameters of a type, those of every resource included.

    A type that has none of its own, or that this version does not know, has the parameters of every resource (`_id`,
    `_lastUpdated` …).
    """
    rows = _data(version)
    own = [(name, _definition("Resource", name, row, version)) for name, row in rows["Resource"].items()]
    if resource_type != "Resource":
        more = rows.get(resource_type, {})
        own += [(name, _definition(resource_type, name, row, version)) for name, row in more.items()]
    return MappingProxyType(dict(own))


def lookup(resource_type: str, name: str, version: str = R4) -> SearchDefinition | None:
    """The definition of one parameter, or None."""
    return definitions(resource_type, version).get(name)


def known_types(version: str = R4) -> tuple[str, ...]:
    """The resource types of a version, sorted: all have search parameters."""
    return resource_types(version)


def own_definitions(
    told: Mapping[str, Mapping[str, Mapping[str, Any]]], version: str = R4
) -> Mapping[str, Mapping[str, SearchDefinition]]:
    """Parameters that a server has beside the standard's: type → name → `kind`, `expression` and maybe `targets`.

    Raises ValueError for an expression that cannot be compiled.
    """
    made: dict[str, dict[str, SearchDefinition]] = {}
    for resource_type, rows in told.items():
        for name, row in rows.items():
            targets = tuple(row.get("targets", ()))
            one = SearchDefinition(name, row["kind"], str(row["expression"]), "", targets, (), version)
            compile_expression(one.expression)  # an expression that is none shows here, not in the first search
            made.setdefault(resource_type, {})[name] = one
    return MappingProxyType(made)


@cache
def compartment(owner: str) -> Mapping[str, tuple[str, ...]]:
    """type → the parameters by which a resource is in the compartment of an `owner`; empty if there is no such kind.

    FHIR R4 compartmentdefinition.html; owners are Patient, Encounter, Practitioner, RelatedPerson and Device.
    """
    rows = _compartments().get(owner, {})
    return MappingProxyType({kind: tuple(names) for kind, names in rows.items()})


@cache
def _compartments() -> Mapping[str, Mapping[str, list[str]]]:
    return cast("Mapping[str, Mapping[str, list[str]]]", read_table("compartments.json"))


def _definition(resource_type: str, name: str, row: list[Any], version: str) -> SearchDefinition:
    kind, expression, canonical = row[:3]
    targets = row[3] if len(row) > 3 else ""
    parts = row[4] if len(row) > 4 else []
    components = []
    for part, text in parts:
        whole = text.startswith(_WHOLE)
        told = f"{resource_type}.{text.removeprefix(_WHOLE)}" if whole else text
        components.append(Component(part, told, "" if whole else expression, whole, version))
    canonical = f"{resource_type}-{name}" if canonical == "*" else canonical
    return SearchDefinition(
        name,
        kind,
        expression,
        canonical if "://" in canonical else BASE_DEFINITION + canonical,
        _targets(expression, tuple(targets.split("|")) if targets else ()),
        tuple(components),
        version,
    )


def _targets(expression: str, told: tuple[str, ...]) -> tuple[str, ...]:
    """The types that a reference may point at: where the expression resolves to some, only these."""
    resolved = _RESOLVED.findall(expression)
    return tuple(dict.fromkeys(resolved)) if len(resolved) == expression.count("|") + 1 else told
