"""Number parameters (FHIR R4 §3.1.1.4.4): a value means the range that its written digits leave open.

`100` is [99.5, 100.5), `100.00` is [99.995, 100.005). Prefixes other than `eq`, `ne` and `ap` compare with the value
as written; `ap` allows a tenth to either side.
"""

from __future__ import annotations

import re
from decimal import Decimal
from math import isfinite
from typing import Any, Final, NamedTuple

from mockehr.fhir.search.context import Compiled, Context, refuse_modifier
from mockehr.fhir.search.parse import InvalidValue, Parameter, split_prefix
from mockehr.fhir.search.table import SearchDefinition

_FORM: Final = re.compile(r"[+-]?[0-9]{1,24}(?:\.[0-9]{1,24})?(?:[eE][+-]?[0-9]{1,2})?")
ENDLESS: Final = float("inf")


class NumberValue(NamedTuple):
    """One wanted number: as written, and the [low, high) that it stands for under `eq`."""

    prefix: str
    exact: float
    low: float
    high: float


def parse_number(text: str) -> NumberValue:
    """A number with its prefix; raises InvalidValue."""
    prefix, rest = split_prefix(text)
    if not _FORM.fullmatch(rest):
        raise InvalidValue(f"{text!r} is no number; write it as in 5.4 or 1e2, after an optional prefix such as ge")
    written = Decimal(rest)
    exponent = written.as_tuple().exponent
    half = Decimal((0, (5,), int(exponent) - 1))
    return NumberValue(prefix, float(written), float(written - half), float(written + half))


def plain_number(item: Any) -> float | None:
    """A JSON number (of any Python type) as a finite float; None for anything else, booleans included."""
    if isinstance(item, bool) or not isinstance(item, (int, float, Decimal)):
        return None
    try:
        value = float(item)
    except OverflowError:
        return None
    return value if isfinite(value) else None


def compare_number(value: NumberValue, low: float, high: float) -> bool:
    """Does the closed range [low, high] of the resource stand in the wanted relation to `value`?"""
    match value.prefix:
        case "eq":
            return value.low <= low and high < value.high
        case "ne":
            return not (value.low <= low and high < value.high)
        case "gt":
            return high > value.exact
        case "ge":
            return high >= value.exact
        case "lt":
            return low < value.exact
        case "le":
            return low <= value.exact
        case "sa":
            return low > value.exact
        case "eb":
            return high < value.exact
        case _:
            margin = abs(value.exact) / 10
            return low <= value.exact + margin and high >= value.exact - margin


def compile_number(parameter: Parameter, definition: SearchDefinition, context: Context) -> Compiled:
    """Values are NumberValues."""
    if parameter.modifier:
        raise refuse_modifier(parameter, definition, ":missing")
    values = tuple(parse_number(value) for value in parameter.values)

    def test(item: Any) -> bool:
        number = plain_number(item)
        return number is not None and any(compare_number(value, number, number) for value in values)

    return values, test
