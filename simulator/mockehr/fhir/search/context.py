"""What compiling a query needs to know beyond the query, and what every kind of parameter compiles to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem
from mockehr.fhir.elements import R4
from mockehr.fhir.search.parse import InvalidValue, Parameter
from mockehr.fhir.search.table import SearchDefinition
from mockehr.fhir.terminology import Library

MOST_LINKS: Final = 4
"""Links of a chain, and `_has` within `_has`: more is refused."""

Resolve = Callable[[str, str], "JSON | None"]
"""(resource type, id) → the resource, for chained parameters."""
Test = Callable[[Any], bool]
"""One extracted value (or a whole resource) → does it match?"""


class TooCostly(Exception):
    """Something would have to be looked for in more charts than may be looked through."""


class Rest(Protocol):
    """What a chain or `_has` leads to: a query on other resources."""

    problems: tuple[Problem, ...]

    def matches(self, resource: Any) -> bool:
        """True if the resource satisfies the rest."""


class Referrers(Protocol):
    """Where to look for resources that refer to one."""

    def near(self, source: str, target: JSON) -> Iterable[JSON] | None:
        """Resources of type `source` among which all are that refer to `target`; None if they may lie anywhere."""

    def everywhere(self, source: str) -> Iterable[JSON]:
        """All resources of a type. Raises TooCostly."""


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of a query. `now` is the site's time in seconds, for `ap` on dates (None: plain overlap)."""

    strict: bool = False
    base_url: str = ""
    """Absolute references under this URL count as relative ones."""
    now: float | None = None
    resolve: Resolve | None = None
    referrers: Referrers | None = None
    library: Library | None = None
    """The terminology of the site, for `:in`, `:above` and `:below`; None for what is shipped only."""
    fhir_version: str = R4
    """Whose types and parameters there are."""
    own: Mapping[str, Mapping[str, SearchDefinition]] = field(default_factory=dict, compare=False)
    """What the server has beside the standard's parameters: type → name → definition."""
    depth: int = 0
    """How many links lead here."""
    known: dict[tuple[str, str, str, int], Rest] = field(default_factory=dict, compare=False)
    """What chains led to already, so that those through many types cost each type once."""

    def deeper(self) -> Context:
        """The surroundings one link further; raises InvalidValue if that is too far."""
        if self.depth >= MOST_LINKS:
            raise InvalidValue(f"chains of more than {MOST_LINKS} links are not supported")
        return replace(self, depth=self.depth + 1)


CompileRest = Callable[[str, "list[tuple[str, str]]", Context], Rest]
"""(resource type, pairs, context) → the compiled query."""
Compiled = tuple[tuple[Any, ...], Test]
"""The parsed values, and the test of one extracted value against any of them."""
Compile = Callable[[Parameter, SearchDefinition, Context], Compiled]


def refuse_modifier(parameter: Parameter, definition: SearchDefinition, known: str) -> InvalidValue:
    """The error for a modifier that a kind does not have; `known` lists those that it has."""
    return InvalidValue(
        f"modifier :{parameter.modifier} is not supported on {parameter.name}, a {definition.kind} parameter; "
        f"supported: {known}"
    )


def rest_of_chain(resource_type: str, chain: str, raw: str, context: Context, compile_rest: CompileRest) -> Rest:
    """The compiled query `chain=raw` on a type that a link leads to; raises InvalidValue if it leads too far."""
    key = (resource_type, chain, raw, context.depth)
    found = context.known.get(key)
    if found is None:
        found = context.known[key] = compile_rest(resource_type, [(chain, raw)], context.deeper())
    return found
