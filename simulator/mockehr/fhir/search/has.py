"""Reverse chains (FHIR R4 §3.1.1.4.14): `_has:Observation:patient:code=1234`, also nested and with chains behind.

A resource matches if one of that type refers to it through that parameter and satisfies the rest.
"""

from __future__ import annotations

from typing import Any

from mockehr.core.errors import nearest_names
from mockehr.fhir.elements import is_resource_type
from mockehr.fhir.search.context import Compiled, CompileRest, Context, Referrers, Rest, rest_of_chain
from mockehr.fhir.search.parse import HAS, InvalidValue, Parameter
from mockehr.fhir.search.reference import split_reference
from mockehr.fhir.search.table import SearchDefinition, definitions, lookup

Key = tuple[str, str]
"""(resource type, id)."""


def compile_has(resource_type: str, parameter: Parameter, context: Context, compile_rest: CompileRest) -> Compiled:
    """Values are one (source type, parameter, its query) triple; the test is of a whole resource."""
    source, _, name = parameter.modifier.partition(":")
    if not source or not name or ":" in name or not parameter.chain:
        raise InvalidValue(
            "write it as _has:Type:reference:parameter=value, as in _has:Observation:patient:code=1234"
        )
    definition = _definition(resource_type, source, name, context.fhir_version)
    referrers = context.referrers
    if referrers is None:
        raise InvalidValue("reverse chains are not supported here")
    first = parameter.chain.partition(".")[0].partition(":")[0]
    if first != HAS and lookup(source, first, context.fhir_version) is None:
        raise InvalidValue(f"{first} is no search parameter of {source}")
    rest = rest_of_chain(source, parameter.chain, parameter.raw, context, compile_rest)
    if rest.problems:
        raise InvalidValue(rest.problems[0].text)
    return ((source, name, rest),), _Test(source, definition, rest, referrers, context.base_url)


def _definition(resource_type: str, source: str, name: str, version: str) -> SearchDefinition:
    if not is_resource_type(source, version):
        raise InvalidValue(f"{source} is no resource type")
    definition = lookup(source, name, version)
    if definition is None or definition.kind != "reference":
        known = [one.name for one in definitions(source, version).values() if one.kind == "reference"]
        close = nearest_names(name, known)
        raise InvalidValue(
            f"{source} has no reference parameter {name!r}"
            + (f"; did you mean {' or '.join(close)}?" if close else "")
        )
    if not definition.may_refer_to(resource_type):
        raise InvalidValue(definition.never(resource_type))
    return definition


class _Test:
    """Whether something refers to a resource and satisfies the rest."""

    __slots__ = ("_base_url", "_extract", "_found", "_referrers", "_rest", "_source")

    def __init__(
        self, source: str, definition: SearchDefinition, rest: Rest, referrers: Referrers, base_url: str
    ) -> None:
        self._source = source
        self._extract = definition.extract
        self._rest = rest
        self._referrers = referrers
        self._base_url = base_url
        self._found: frozenset[Key] | None = None
        """What is referred to from anywhere; looked for once, where near does not do."""

    def __call__(self, resource: Any) -> bool:
        if not isinstance(resource, dict):
            return False
        key = (resource.get("resourceType"), resource.get("id"))
        near = self._referrers.near(self._source, resource)
        if near is not None:
            return any(key in self._references(one) and self._rest.matches(one) for one in near)
        if self._found is None:
            everywhere = self._referrers.everywhere(self._source)
            satisfied = (one for one in everywhere if self._rest.matches(one))
            self._found = frozenset(reference for one in satisfied for reference in self._references(one))
        return key in self._found

    def _references(self, resource: Any) -> list[Key]:
        items = self._extract(resource)
        return [key for item in items if (key := split_reference(item, self._base_url)) is not None]
