"""What compiling a query needs to know beyond the query, and what every kind of parameter compiles to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mockehr.fhir.search.parse import InvalidValue, Parameter
from mockehr.fhir.search.table import SearchDefinition

Resolve = Callable[[str, str], "dict[str, Any] | None"]
"""(resource type, id) → the resource, for chained parameters."""
Test = Callable[[Any], bool]
"""One extracted value → does it match?"""


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of a query. `now` is the site's time in seconds, for `ap` on dates (None: plain overlap)."""

    strict: bool = False
    base_url: str = ""
    """Absolute references under this URL count as relative ones."""
    now: float | None = None
    resolve: Resolve | None = None


Compiled = tuple[tuple[Any, ...], Test]
"""The parsed values, and the test of one extracted value against any of them."""
Compile = Callable[[Parameter, SearchDefinition, Context], Compiled]


def refuse_modifier(parameter: Parameter, definition: SearchDefinition, known: str) -> InvalidValue:
    """The error for a modifier that a kind does not have; `known` lists those that it has."""
    return InvalidValue(
        f"modifier :{parameter.modifier} is not supported on {parameter.name}, a {definition.kind} parameter; "
        f"supported: {known}"
    )
