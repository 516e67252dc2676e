"""Quantity parameters (FHIR R4 §3.1.1.4.11): `[prefix]number`, `…|system|code`, `…||code`.

With a unit, a resource's quantity matches in the same unit, or converted where `units` knows both. A quantity with a
comparator (`<5`) is the range that it describes; a Range is what lies between its ends.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from mockehr.fhir.search.context import Compiled, Context, refuse_modifier
from mockehr.fhir.search.number import ENDLESS, NumberValue, compare_number, parse_number, plain_number
from mockehr.fhir.search.parse import InvalidValue, Parameter, split_escaped, unescape
from mockehr.fhir.search.table import SearchDefinition
from mockehr.fhir.search.units import Unit, convert, unit

UCUM: Final = "http://unitsofmeasure.org"


class QuantityValue(NamedTuple):
    """One wanted quantity; `system` and `code` are empty where the search leaves them open."""

    number: NumberValue
    system: str
    code: str


def parse_quantity(text: str) -> QuantityValue:
    """A quantity with its prefix; raises InvalidValue."""
    parts = split_escaped(text, "|")
    if len(parts) not in (1, 3):
        raise InvalidValue(f"{text!r} is no quantity; write a number, number|system|code or number||code")
    number = parse_number(parts[0])
    system, code = (unescape(part) for part in parts[1:] or ("", ""))
    return QuantityValue(number, system, code)


def bounds(item: Any) -> tuple[float, float, dict[str, Any]] | None:
    """(low, high, the Quantity that names the unit) of a Quantity, Money, Age or Range; None if it has no number."""
    if not isinstance(item, dict):
        return None
    value = plain_number(item.get("value"))
    if value is not None:
        comparator = item.get("comparator")
        if comparator in ("<", "<="):
            return -ENDLESS, value, item
        return value, ENDLESS if comparator in (">", ">=") else value, item
    low, high = item.get("low"), item.get("high")
    ends = [plain_number(end.get("value")) if isinstance(end, dict) else None for end in (low, high)]
    if ends == [None, None]:
        return None
    first, last = ends
    named = low if isinstance(low, dict) else high
    return -ENDLESS if first is None else first, ENDLESS if last is None else last, named or {}


def compile_quantity(parameter: Parameter, definition: SearchDefinition, context: Context) -> Compiled:
    """Values are QuantityValues."""
    if parameter.modifier:
        raise refuse_modifier(parameter, definition, ":missing")
    values = tuple(parse_quantity(value) for value in parameter.values)

    def test(item: Any) -> bool:
        found = bounds(item)
        return found is not None and any(_matches(value, *found) for value in values)

    return values, test


def _matches(value: QuantityValue, low: float, high: float, named: dict[str, Any]) -> bool:
    number, system, code = value
    if not code and not system:
        return compare_number(number, low, high)
    its_code, its_system = named.get("code") or named.get("currency"), named.get("system")
    if system and its_system is not None and its_system != system:
        return False
    if not code or code == its_code or (not system and code == named.get("unit")):
        return compare_number(number, low, high) if not system or its_system == system else False
    wanted, its = unit(code), unit(its_code) if isinstance(its_code, str) else None
    if wanted is None or its is None or wanted.dimension != its.dimension or its_system != UCUM:
        return False
    return compare_number(_converted(number, wanted), convert(low, its), convert(high, its))


def _converted(number: NumberValue, wanted: Unit) -> NumberValue:
    return NumberValue(
        number.prefix, convert(number.exact, wanted), convert(number.low, wanted), convert(number.high, wanted)
    )
