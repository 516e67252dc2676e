"""The table of search parameters: what FHIR R4 and US Core 6.1.0 define, read once from `corpora/fhir`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, cast

from mockehr.core.data import data_root
from mockehr.fhir.search.extract import Extractor, compile_expression

Kind = Literal["token", "string", "date", "reference", "number", "quantity", "uri", "composite"]
BASE_DEFINITION = "http://hl7.org/fhir/SearchParameter/"


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a composite parameter, applied to each element that the whole selects."""

    kind: Kind
    expression: str
    extract: Extractor


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
    extract: Extractor
    """Resource → the values that the parameter looks at."""

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
    return json.loads((data_root("corpora") / "fhir" / name).read_text("utf-8"))


@cache
def _data() -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", read_table("search-parameters.json"))


@cache
def definitions(resource_type: str) -> Mapping[str, SearchDefinition]:
    """Name → definition of all parameters of a type, those of every resource included.

    A type that the table lacks has the parameters of every resource (`_id`, `_lastUpdated` …) and no others.
    """
    rows = {**_data()["types"]["Resource"], **_data()["types"].get(resource_type, {})}
    return MappingProxyType({name: _definition(name, row) for name, row in rows.items()})


def lookup(resource_type: str, name: str) -> SearchDefinition | None:
    """The definition of one parameter, or None."""
    return definitions(resource_type).get(name)


def known_types() -> tuple[str, ...]:
    """The resource types that the table has parameters for, sorted."""
    return tuple(name for name in sorted(_data()["types"]) if name != "Resource")


def _definition(name: str, row: list[Any]) -> SearchDefinition:
    kind, expression, definition = row[:3]
    choices = _data()["choices"]
    base = expression.rpartition("|")[2].strip()
    parts = row[4] if len(row) > 4 else ()
    components = tuple(Component(part, text, compile_expression(text, choices, base)) for part, text in parts)
    return SearchDefinition(
        name,
        kind,
        expression,
        definition if "://" in definition else BASE_DEFINITION + definition,
        tuple(row[3]) if len(row) > 3 else (),
        components,
        compile_expression(expression, choices),
    )
