"""`_include` and `_revinclude` (FHIR R4 §3.1.1.5.4): which references of a resource are followed."""

from __future__ import annotations

from typing import Any, NamedTuple

from mockehr.fhir.search.parse import InvalidValue, Parameter
from mockehr.fhir.search.reference import split_reference
from mockehr.fhir.search.table import definitions, lookup


class Include(NamedTuple):
    """One `_include` or `_revinclude`: `MedicationRequest:medication:Medication`. `name` may be `*`."""

    source: str
    name: str
    target: str
    iterate: bool

    def references(self, resource: Any, base_url: str = "") -> list[tuple[str, str]]:
        """(type, id) of what `resource` refers to through this parameter, in document order, without repeats."""
        if not isinstance(resource, dict) or resource.get("resourceType") != self.source:
            return []
        table = definitions(self.source)
        rows = table.values() if self.name == "*" else [table[self.name]] if self.name in table else []
        found = [
            pair
            for row in rows
            if row.kind == "reference"
            for item in row.extract(resource)
            if (pair := split_reference(item, base_url)) is not None
        ]
        return list(dict.fromkeys(pair for pair in found if self.target in ("", pair[0])))


def parse_include(resource_type: str, parameter: Parameter, *, strict: bool) -> Include | None:
    """The include asked for; None for an unknown one unless `strict`. Raises InvalidValue."""
    source, _, rest = parameter.raw.partition(":")
    name, _, target = rest.partition(":")
    if parameter.modifier not in ("", "iterate", "recurse"):
        raise InvalidValue(f"modifier :{parameter.modifier} is not supported; supported: :iterate")
    if parameter.raw == "*":
        return Include(resource_type, "*", "", False)
    if not source or not name:
        raise InvalidValue(f"{parameter.raw!r} is no include; write Type:parameter or Type:parameter:TargetType")
    definition = lookup(source, name)
    if name == "*" or (definition is not None and definition.kind == "reference"):
        return Include(source, name, target, parameter.modifier != "")
    if strict:
        raise InvalidValue(f"{source} has no reference parameter {name!r}")
    return None
