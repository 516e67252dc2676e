"""One search parameter compiled to a test of whole resources: kinds, `:missing`, `:not`, chains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mockehr.fhir.search.chain import compile_chain
from mockehr.fhir.search.composite import compile_composite
from mockehr.fhir.search.context import Compile, CompileRest, Context, Test
from mockehr.fhir.search.date import compile_date
from mockehr.fhir.search.extract import Extractor
from mockehr.fhir.search.has import compile_has
from mockehr.fhir.search.number import compile_number
from mockehr.fhir.search.parse import InvalidValue, Parameter
from mockehr.fhir.search.quantity import compile_quantity
from mockehr.fhir.search.reference import compile_reference
from mockehr.fhir.search.string import compile_string
from mockehr.fhir.search.table import SearchDefinition
from mockehr.fhir.search.token import compile_token
from mockehr.fhir.search.uri import compile_uri

_KINDS: Mapping[str, Compile] = MappingProxyType(
    {
        "token": compile_token,
        "string": compile_string,
        "date": compile_date,
        "reference": compile_reference,
        "number": compile_number,
        "quantity": compile_quantity,
        "uri": compile_uri,
    }
)


class Criterion:
    """One parameter that a resource has to satisfy.

    `matches` raises nothing, whatever the resource looks like, but TooCostly where there is a `_has`.
    """

    __slots__ = ("kind", "matches", "modifier", "name", "parameter", "values")

    def __init__(
        self, parameter: Parameter, kind: str, values: tuple[Any, ...], matches: Callable[[Any], bool]
    ) -> None:
        self.name = parameter.name
        self.kind = kind
        """A kind of the table, or `missing`, `chain` or `has`."""
        self.modifier = parameter.modifier
        self.values = values
        """The parsed alternatives: TokenValue, DateValue, ReferenceValue …, folded texts for strings."""
        self.parameter = parameter
        self.matches = matches
        """Resource → is it satisfied?"""

    def __repr__(self) -> str:
        return f"Criterion({self.parameter.key}={self.parameter.raw})"


def compile_criterion(
    parameter: Parameter, definition: SearchDefinition, context: Context, compile_rest: CompileRest
) -> Criterion:
    """The criterion of one known parameter; raises InvalidValue, and nothing else, on what cannot be used.

    `compile_rest` compiles what is chained to a reference.
    """
    if parameter.chain:
        values, test = compile_chain(parameter, definition, context, compile_rest)
        return Criterion(parameter, "chain", values, test)
    if parameter.modifier == "missing":
        return _missing(parameter, definition)
    kind = definition.kind
    if kind == "composite":
        return Criterion(parameter, kind, *compile_composite(parameter, definition, context, _KINDS))
    values, test = _KINDS[kind](parameter, definition, context)
    if parameter.modifier in ("not", "not-in"):
        return Criterion(parameter, kind, values, _none(definition.extract, test))
    matches = _any(definition.extract, test)
    if kind == "reference" and not parameter.modifier:
        matches = _direct(definition, values, matches)
    return Criterion(parameter, kind, values, matches)


def _direct(definition: SearchDefinition, values: tuple[Any, ...], matches: Test) -> Test:
    """`patient=1` and the like: a reference that stands as expected is seen at once, all else goes the long way.

    Most searches name a patient, and all records of that patient's chart have to be looked at.
    """
    place = definition.direct
    if place is None:
        return matches
    name, only = place
    kinds = (only,) if only else definition.targets
    wanted = frozenset(
        f"{kind}/{value.id}"
        for value in values
        for kind in kinds
        if value.text in (value.id, f"{kind}/{value.id}")  # any other text leads elsewhere, or to a version
    )

    def direct(resource: Any) -> bool:
        held = resource.get(name) if type(resource) is dict else None
        if type(held) is dict and "resourceType" not in held:
            text = held.get("reference")
            if type(text) is str and text in wanted:  # what was imported may hold anything
                return True
        return matches(resource)

    return direct


def compile_reverse(
    resource_type: str, parameter: Parameter, context: Context, compile_rest: CompileRest
) -> Criterion:
    """The criterion of a `_has`; raises InvalidValue."""
    return Criterion(parameter, "has", *compile_has(resource_type, parameter, context, compile_rest))


def _any(extract: Extractor, test: Test) -> Test:
    def matches(resource: Any) -> bool:
        for item in extract(resource):  # noqa: SIM110 - twice as fast as any()
            if test(item):
                return True
        return False

    return matches


def _none(extract: Extractor, test: Test) -> Test:
    return lambda resource: not any(test(item) for item in extract(resource))


def _missing(parameter: Parameter, definition: SearchDefinition) -> Criterion:
    """`:missing=true`: no value at all (an element with extensions only, such as data-absent-reason, is no value)."""
    if parameter.raw not in ("true", "false"):
        raise InvalidValue(f"{parameter.raw!r} is neither true nor false")
    wanted, extract = parameter.raw == "true", definition.extract

    def matches(resource: Any) -> bool:
        return wanted is not any(item is not None and item not in ("", {}) for item in extract(resource))

    return Criterion(parameter, "missing", (wanted,), matches)
