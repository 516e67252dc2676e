"""`_include` and `_revinclude` (FHIR R4 §3.1.1.5.4): which references of a resource are followed."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from mockehr.fhir.elements import R4, is_resource_type
from mockehr.fhir.search.parse import InvalidValue, Parameter
from mockehr.fhir.search.reference import split_reference
from mockehr.fhir.search.table import definitions, lookup

ANY: Final = "*"


class Include(NamedTuple):
    """One `_include` or `_revinclude`: `MedicationRequest:medication:Medication`. `source` and `name` may be `*`."""

    source: str
    name: str
    target: str
    iterate: bool
    fhir_version: str = R4

    def references(self, resource: Any, base_url: str = "") -> list[tuple[str, str]]:
        """(type, id) of what `resource` refers to through this parameter, in document order, without repeats."""
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(kind, str) or self.source not in (kind, ANY):
            return []
        table = definitions(kind, self.fhir_version)
        rows = table.values() if self.name == ANY else [table[self.name]] if self.name in table else []
        found = [
            pair
            for row in rows
            if row.kind == "reference"
            for item in row.extract(resource)
            if (pair := split_reference(item, base_url)) is not None
        ]
        return list(dict.fromkeys(pair for pair in found if self.target in ("", pair[0])))


def parse_include(parameter: Parameter, *, strict: bool, version: str = R4) -> Include | None:
    """The include asked for; None for an unknown one unless `strict`. Raises InvalidValue.

    `*` alone stands for every reference of every resource at hand (`_include`), or of every type (`_revinclude`).
    """
    source, _, rest = parameter.raw.partition(":")
    name, _, target = rest.partition(":")
    if parameter.modifier not in ("", "iterate", "recurse"):
        raise InvalidValue(f"modifier :{parameter.modifier} is not supported; supported: :iterate")
    iterate = parameter.modifier != ""
    if parameter.raw == ANY:
        return Include(ANY, ANY, "", iterate, version)
    if not source or not name:
        raise InvalidValue(f"{parameter.raw!r} is no include; write Type:parameter or Type:parameter:TargetType")
    fault = _fault(source, name, target, version)
    if not fault:
        return Include(source, name, target, iterate, version)
    if strict:
        raise InvalidValue(fault)
    return None


def _fault(source: str, name: str, target: str, version: str) -> str:
    if not is_resource_type(source, version):
        return f"{source} is no resource type"
    if target and not is_resource_type(target, version):
        return f"{target} is no resource type"
    definition = lookup(source, name, version)
    if name == ANY:
        return ""
    if definition is None or definition.kind != "reference":
        return f"{source} has no reference parameter {name!r}"
    return definition.never(target) if target and not definition.may_refer_to(target) else ""
