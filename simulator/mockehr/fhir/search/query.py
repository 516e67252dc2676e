"""A whole query: its criteria, how the answer is to be shaped, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from mockehr.core.errors import nearest_names
from mockehr.core.problem import Problem
from mockehr.fhir.elements import R4, is_resource_type, structure
from mockehr.fhir.search.context import Context, Referrers, Resolve
from mockehr.fhir.search.criterion import Criterion, compile_criterion, compile_reverse
from mockehr.fhir.search.include import Include, parse_include
from mockehr.fhir.search.parse import HAS, RESULT_PARAMETERS, InvalidValue, Parameter, parse_query
from mockehr.fhir.search.sort import SortKey, order
from mockehr.fhir.search.table import NOT_OFFERED, SearchDefinition, definitions, lookup
from mockehr.fhir.terminology import Library

T = TypeVar("T")
SUMMARIES = ("true", "text", "data", "count", "false")
TOTALS = ("none", "estimate", "accurate")
CONTAINED = ("true", "false", "both")
CONTAINED_TYPES = ("container", "contained")
MOST_PARAMETERS = 1000
MOST_TRIED = 500
"""Values in one search that are tried one after the other on every resource. Codes and references are looked up."""


class Query:
    """A compiled query. Made by `compile_query`; read-only afterwards."""

    __slots__ = (
        "contained",
        "contained_type",
        "count",
        "criteria",
        "elements",
        "fhir_version",
        "format",
        "include",
        "own",
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

    def __init__(
        self,
        resource_type: str,
        parameters: Sequence[Parameter],
        fhir_version: str = R4,
        own: Mapping[str, SearchDefinition] = MappingProxyType({}),
    ) -> None:
        self.resource_type = resource_type
        self.own = own
        """Parameters that the server has for this type beside the standard's, by name."""
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
        """Element names, those of other types with their type: `name`, `Practitioner.name`."""
        self.total = ""
        self.fhir_version = fhir_version
        self.contained = "false"
        self.contained_type = "container"
        self.format = ""
        self.pretty = False

    def matches(self, resource: Any) -> bool:
        """True if every criterion is satisfied; raises nothing but TooCostly (see Criterion)."""
        for criterion in self.criteria:  # noqa: SIM110 - twice as fast as all()
            if not criterion.matches(resource):
                return False
        return True

    @property
    def test(self) -> Callable[[Any], bool]:
        """What `matches` does, without a step between for the most usual query, that of one criterion."""
        return self.criteria[0].matches if len(self.criteria) == 1 else self.matches

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
    referrers: Referrers | None = None,
    library: Library | None = None,
    fhir_version: str = R4,
    own: Mapping[str, Mapping[str, SearchDefinition]] = MappingProxyType({}),
) -> Query:
    """Compile a query string, or pairs that are decoded already. Never raises: read `.problems`.

    An unknown parameter, sort rule or include, and a parameter without a value, are problems when `strict`, and
    left out otherwise. A value or modifier that cannot be used is always a problem. `base_url`, `now`, `resolve`,
    `referrers`, `library` and `own` as in `Context`. More than MOST_PARAMETERS are a problem, and none of them is
    looked at.
    """
    return compile_with(
        resource_type, query, Context(strict, base_url, now, resolve, referrers, library, fhir_version, own)
    )


def compile_with(resource_type: str, query: str | Sequence[tuple[str, str]], context: Context) -> Query:
    """`compile_query` with its surroundings as one value."""
    parameters = parse_query(query)
    compiled = Query(resource_type, parameters, context.fhir_version, context.own.get(resource_type, {}))
    if len(parameters) > MOST_PARAMETERS:
        text = f"the search has {len(parameters)} parameters; {MOST_PARAMETERS} are allowed"
        compiled.problems = (Problem(400, "bad-request", text, resource_type=resource_type),)
        return compiled
    table = definitions(resource_type, context.fhir_version)
    criteria: list[Criterion] = []
    unknown: list[str] = []
    problems: list[Problem] = []
    for parameter in parameters:
        name = parameter.name
        try:
            definition = compiled.own.get(name) or table.get(name)
            if definition is not None:
                if parameter.raw:
                    criteria.append(compile_criterion(parameter, definition, context, compile_with))
                elif context.strict:
                    raise InvalidValue("it has no value")
            elif name == HAS:
                criteria.append(compile_reverse(resource_type, parameter, context, compile_with))
            elif name in RESULT_PARAMETERS:
                if parameter.raw:
                    unknown += _SHAPING[name](compiled, parameter, context)
            elif context.strict:
                problems.append(_unknown(resource_type, parameter, context.fhir_version))
            else:
                unknown.append(parameter.key)
        except InvalidValue as error:
            problems.append(_invalid(resource_type, parameter, str(error)))
    if compiled.summary == "text" and (compiled.include or compiled.revinclude):
        problems.append(_no_includes(resource_type))
    tried = sum(len(one.values) for one in criteria if one.modifier or one.kind not in ("token", "reference"))
    if tried > MOST_TRIED:
        text = f"the search has {tried} values that are no plain codes or references; {MOST_TRIED} are allowed"
        problems.append(Problem(400, "bad-request", text, resource_type=resource_type))
    compiled.criteria = tuple(criteria)
    compiled.unknown, compiled.problems = tuple(unknown), tuple(problems)
    return compiled


def _unknown(resource_type: str, parameter: Parameter, version: str) -> Problem:
    close = nearest_names(parameter.name, definitions(resource_type, version))
    reason = NOT_OFFERED.get(parameter.name)
    hint = f": {reason}" if reason else f"; did you mean {' or '.join(close)}?" if close else ""
    text = f"{parameter.key} is no search parameter of {resource_type}{hint}"
    return Problem(
        400, "parameter-unknown", text, parameter=parameter.key, resource_type=resource_type, value=parameter.raw
    )


def _no_includes(resource_type: str) -> Problem:
    text = "_summary=text cannot be combined with _include or _revinclude (FHIR R4 search.html#summary)"
    return Problem(400, "parameter-conflict", text, parameter="_summary", resource_type=resource_type, value="text")


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
        definition = query.own.get(name) or lookup(query.resource_type, name, context.fhir_version)
        if definition is not None:
            rules.append(SortKey(name, value.startswith("-"), definition))
        elif context.strict:
            raise InvalidValue(f"{query.resource_type} cannot be sorted by {name!r}")
        else:
            unknown.append(f"_sort={value}")
    query.sort = tuple(rules)
    return unknown


def _include(query: Query, parameter: Parameter, context: Context) -> list[str]:
    found = parse_include(parameter, strict=context.strict, version=context.fhir_version)
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
    for value in parameter.values:
        first, _, rest = value.strip().partition(".")
        typed = bool(rest) and is_resource_type(first, context.fhir_version)
        owner, name = (first, rest.partition(".")[0]) if typed else (query.resource_type, first)
        known = structure(owner, context.fhir_version)
        if (
            context.strict
            and known is not None
            and owner != "Resource"
            and name not in known.elements
            and name not in known.choices
        ):
            raise InvalidValue(f"{owner} has no element {name!r}")
        if name:
            query.elements += (name if owner == query.resource_type else f"{owner}.{name}",)
    return []


def _total(query: Query, parameter: Parameter, context: Context) -> list[str]:
    if parameter.raw not in TOTALS:
        raise InvalidValue(f"{parameter.raw!r} is none of {', '.join(TOTALS)}")
    query.total = parameter.raw
    return []


def _contained(query: Query, parameter: Parameter, context: Context) -> list[str]:
    if parameter.raw not in CONTAINED:
        raise InvalidValue(f"{parameter.raw!r} is none of {', '.join(CONTAINED)}")
    query.contained = parameter.raw
    return []


def _contained_type(query: Query, parameter: Parameter, context: Context) -> list[str]:
    if parameter.raw not in CONTAINED_TYPES:
        raise InvalidValue(f"{parameter.raw!r} is none of {', '.join(CONTAINED_TYPES)}")
    query.contained_type = parameter.raw
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
        "_contained": _contained,
        "_containedType": _contained_type,
    }
)
