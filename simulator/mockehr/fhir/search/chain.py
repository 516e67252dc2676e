"""Chained parameters (FHIR R4 §3.1.1.4.13): `patient.family=Smi`, `subject:Patient.name:exact=Smith`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from mockehr.core.problem import Problem
from mockehr.fhir.search.context import Compiled, Context
from mockehr.fhir.search.parse import InvalidValue, Parameter
from mockehr.fhir.search.reference import split_reference
from mockehr.fhir.search.table import SearchDefinition, lookup

MOST_LINKS: Final = 4


class Rest(Protocol):
    """What a chain leads to: a query on the resource referred to."""

    problems: tuple[Problem, ...]

    def matches(self, resource: Any) -> bool:
        """True if the resource referred to satisfies the rest of the chain."""


CompileRest = Callable[[str, Sequence[tuple[str, str]], Context], Rest]
"""(resource type, pairs, context) → the compiled query."""


def compile_chain(
    parameter: Parameter, definition: SearchDefinition, context: Context, compile_rest: CompileRest
) -> Compiled:
    """Values are (resource type, its query) pairs; the test looks the reference up by `context.resolve`."""
    resolve = context.resolve
    if resolve is None:
        raise InvalidValue("chained parameters are not supported here")
    if definition.kind != "reference":
        raise InvalidValue(f"{parameter.name} is no reference, so nothing can be chained to it")
    if parameter.chain.count(".") >= MOST_LINKS:
        raise InvalidValue(f"chains of more than {MOST_LINKS} links are not supported")
    if parameter.modifier and not definition.may_refer_to(parameter.modifier):
        raise InvalidValue(definition.never(parameter.modifier))
    inner = _queries(parameter, definition, context, compile_rest)
    base = context.base_url

    def test(item: Any) -> bool:
        found = split_reference(item, base)
        if found is None or found[0] not in inner:
            return False
        target = resolve(*found)
        return target is not None and inner[found[0]].matches(target)

    return tuple(inner.items()), test


def _queries(
    parameter: Parameter, definition: SearchDefinition, context: Context, compile_rest: CompileRest
) -> dict[str, Rest]:
    """A query for each type that may be referred to and has the next parameter of the chain."""
    name = parameter.chain.partition(".")[0].partition(":")[0]
    targets = (parameter.modifier,) if parameter.modifier else definition.targets
    queries = {
        target: compile_rest(target, [(parameter.chain, parameter.raw)], context)
        for target in targets
        if lookup(target, name) is not None
    }
    if not queries:
        raise InvalidValue(f"{parameter.chain} is no search parameter of what {parameter.name} refers to")
    for query in queries.values():
        if query.problems:
            raise InvalidValue(query.problems[0].text)
    return queries
