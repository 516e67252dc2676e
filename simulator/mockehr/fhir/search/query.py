"""A whole query: its criteria, how the answer is to be shaped, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from mockehr.core.errors import nearest_names
from mockehr.core.problem import Problem
from mockehr.fhir.search.context import Context, Resolve
from mockehr.fhir.search.criterion import Criterion, compile_criterion
from mockehr.fhir.search.include import Include, parse_include
from mockehr.fhir.search.parse import RESULT_PARAMETERS, InvalidValue, Parameter, parse_query
from mockehr.fhir.search.sort import SortKey, order
from mockehr.fhir.search.table import definitions, lookup

T = TypeVar("T")
SUMMARIES = ("true", "text", "data", "count", "false")
TOTALS = ("none", "estimate", "accurate")


class Query:
    """A compiled query. Made by `compile_query`; read-only afterwards."""

    __slots__ = (
        "count",
        "criteria",
        "elements",
        "format",
        "include",
        "parameters",
        "pretty",
        "problems",
        "resource_type",
        "revinclude",
        "sort",
        "summary",
        "total",
        "unknown",
    )

    def __init__(self, resource_type: str, parameters: Sequence[Parameter]) -> None:
        self.resource_type = resource_type
        self.parameters = tuple(parameters)
        """Everything that was asked, in order."""
        self.criteria: tuple[Criterion, ...] = ()
        """What a resource has to satisfy; what is empty, unknown or a problem is left out."""
        self.unknown: tuple[str, ...] = ()
        """Parameters that this table does not know, as given; ignored."""
        self.problems: tuple[Problem, ...] = ()
        self.count: int | None = None
        self.sort: tuple[SortKey, ...] = ()
        self.include: tuple[Include, ...] = ()
        self.revinclude: tuple[Include, ...] = ()
        self.summary = ""
        self.elements: tuple[str, ...] = ()
        self.total = ""
        self.format = ""
        self.pretty = False

    def matches(self, resource: Any) -> bool:
        """True if every criterion is satisfied; never raises."""
        for criterion in self.criteria:  # noqa: SIM110 - twice as fast as all()
            if not criterion.matches(resource):
                return False
        return True

    def ordered(self, items: Sequence[T], read: Callable[[T], Any]) -> list[T]:
        """The items in the order of `_sort`; `read` gives the resource of an item. Without `_sort`: as they are."""
        return order(items, self.sort, read)


def compile_query(
    resource_type: str,
    query: str | Sequence[tuple[str, str]],
    *,
    strict: bool,
    base_url: str = "",
    now: float | None = None,
    resolve: Resolve | None = None,
) -> Query:
    """Compile a query string, or pairs that are decoded already. Never raises: read `.problems`.

    An unknown parameter, sort rule or include, and a parameter without a value, are problems when `strict`, and
    left out otherwise. A value or modifier that cannot be used is always a problem. `base_url`, `now` and `resolve`
    as in `Context`.
    """
    return compile_with(resource_type, query, Context(strict, base_url, now, resolve))


def compile_with(resource_type: str, query: str | Sequence[tuple[str, str]], context: Context) -> Query:
    """`compile_query` with its surroundings as one value."""
    parameters = parse_query(query)
    compiled = Query(resource_type, parameters)
    table = definitions(resource_type)
    criteria: list[Criterion] = []
    unknown: list[str] = []
    problems: list[Problem] = []
    for parameter in parameters:
        name = parameter.name
        try:
            definition = table.get(name)
            if definition is not None:
                if parameter.raw:
                    criteria.append(compile_criterion(parameter, definition, context, compile_with))
                elif context.strict:
                    raise InvalidValue("it has no value")
            elif name in RESULT_PARAMETERS:
                if parameter.raw:
                    unknown += _SHAPING[name](compiled, parameter, context)
            elif context.strict:
                problems.append(_unknown(resource_type, parameter))
            else:
                unknown.append(parameter.key)
        except InvalidValue as error:
            problems.append(_invalid(resource_type, parameter, str(error)))
    compiled.criteria = tuple(criteria)
    compiled.unknown = tuple(unknown)
    compiled.problems = tuple(problems)
    return compiled


def _unknown(resource_type: str, parameter: Parameter) -> Problem:
    close = nearest_names(parameter.name, definitions(resource_type))
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    text = f"{parameter.key} is no search parameter of {resource_type}{hint}"
    return Problem(
        400, "parameter-unknown", text, parameter=parameter.key, resource_type=resource_type, value=parameter.raw
    )


def _invalid(resource_type: str, parameter: Parameter, why: str) -> Problem:
    text = f"search parameter {parameter.key} cannot be used: {why}"
    return Problem(
        400, "parameter-invalid", text, parameter=parameter.key, resource_type=resource_type, value=parameter.raw
    )


def _count(query: Query, parameter: Parameter, context: Context) -> list[str]:
    if not (parameter.raw.isascii() and parameter.raw.isdigit() and len(parameter.raw) < 10):
        raise InvalidValue(f"{parameter.raw!r} is no whole number from 0 up")
    query.count = int(parameter.raw)
    return []


def _sort(query: Query, parameter: Parameter, context: Context) -> list[str]:
    rules, unknown = list(query.sort), []
    for value in parameter.values:
        name = value.removeprefix("-")
        definition = lookup(query.resource_type, name)
        if definition is not None:
            rules.append(SortKey(name, value.startswith("-"), definition))
        elif context.strict:
            raise InvalidValue(f"{query.resource_type} cannot be sorted by {name!r}")
        else:
            unknown.append(f"_sort={value}")
    query.sort = tuple(rules)
    return unknown


def _include(query: Query, parameter: Parameter, context: Context) -> list[str]:
    found = parse_include(query.resource_type, parameter, strict=context.strict)
    if found is None:
        return [f"{parameter.key}={parameter.raw}"]
    if parameter.name == "_include":
        query.include = tuple(dict.fromkeys((*query.include, found)))  # a repeated one adds cost only
    else:
        query.revinclude = tuple(dict.fromkeys((*query.revinclude, found)))
    return []


def _summary(query: Query, parameter: Parameter, context: Context) -> list[str]:
    if parameter.raw not in SUMMARIES:
        raise InvalidValue(f"{parameter.raw!r} is none of {', '.join(SUMMARIES)}")
    query.summary = parameter.raw
    return []


def _elements(query: Query, parameter: Parameter, context: Context) -> list[str]:
    names = (value.strip().rpartition(".")[2] for value in parameter.values)
    query.elements += tuple(name for name in names if name)
    return []


def _total(query: Query, parameter: Parameter, context: Context) -> list[str]:
    if parameter.raw not in TOTALS:
        raise InvalidValue(f"{parameter.raw!r} is none of {', '.join(TOTALS)}")
    query.total = parameter.raw
    return []


def _format(query: Query, parameter: Parameter, context: Context) -> list[str]:
    query.format = parameter.raw
    return []


def _pretty(query: Query, parameter: Parameter, context: Context) -> list[str]:
    query.pretty = parameter.raw == "true"
    return []


_SHAPING: Mapping[str, Callable[[Query, Parameter, Context], list[str]]] = MappingProxyType(
    {
        "_count": _count,
        "_sort": _sort,
        "_include": _include,
        "_revinclude": _include,
        "_summary": _summary,
        "_elements": _elements,
        "_total": _total,
        "_format": _format,
        "_pretty": _pretty,
    }
)
