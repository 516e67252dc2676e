"""The invariants of datatypes; `invariants` says what is covered."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mockehr.fhir.validation.rules import (
    UCUM,
    Node,
    Rule,
    choice_names,
    has,
    in_order,
    needs,
    not_below_zero,
    not_both,
    one_of,
)


def _is_age(node: Node) -> bool:
    value = node.get("value")
    if not has(node, "code") and value is not None:
        return False
    return node.get("system", UCUM) == UCUM and (value is None or value > 0)


def _is_ratio(node: Node) -> bool:
    both = ("numerator" in node) == ("denominator" in node)
    return both and ("numerator" in node or "extension" in node)


def _is_range(node: Node) -> bool:
    low, high = node.get("low", {}), node.get("high", {})
    if "value" not in low or "value" not in high or low.get("code") != high.get("code"):
        return True
    return bool(low["value"] <= high["value"])


_QUANTITY: Final = Rule("qty-3", "a code of a unit has the system that it is of", needs("code", "system"))
RULES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {
        "Age": (_QUANTITY, Rule("age-1", "an age is above zero and in a unit of UCUM", _is_age)),
        "Attachment": (Rule("att-1", "data have a contentType", needs("data", "contentType")),),
        "ContactPoint": (Rule("cpt-2", "a value has the system that it is of", needs("value", "system")),),
        "Count": (_QUANTITY,),
        "Distance": (_QUANTITY,),
        "Duration": (
            _QUANTITY,
            Rule(
                "drt-1",
                "a duration with a unit has a value, and the unit is of UCUM",
                lambda node: not has(node, "code") or (node.get("system") == UCUM and has(node, "value")),
            ),
        ),
        "Expression": (
            Rule("exp-1", "an expression or a reference to one is there", one_of("expression", "reference")),
        ),
        "Extension": (
            Rule(
                "ext-1",
                "an extension has either a value or extensions",
                lambda node: ("extension" in node) == choice_names("Extension", "value").isdisjoint(node),
            ),
        ),
        "Period": (
            Rule(
                "per-1", "the start is not after the end", lambda node: in_order(node.get("start"), node.get("end"))
            ),
        ),
        "Quantity": (_QUANTITY,),
        "Range": (Rule("rng-2", "low is not above high", _is_range),),
        "Ratio": (Rule("rat-1", "numerator and denominator are there, or neither and an extension", _is_ratio),),
        "Timing.repeat": (
            Rule("tim-1", "a duration has its unit", needs("duration", "durationUnit")),
            Rule("tim-2", "a period has its unit", needs("period", "periodUnit")),
            Rule("tim-4", "the duration is not below zero", not_below_zero("duration")),
            Rule("tim-5", "the period is not below zero", not_below_zero("period")),
            Rule("tim-6", "periodMax goes with a period", needs("periodMax", "period")),
            Rule("tim-7", "durationMax goes with a duration", needs("durationMax", "duration")),
            Rule("tim-8", "countMax goes with a count", needs("countMax", "count")),
            Rule(
                "tim-9",
                "an offset goes with an event, and not with C, CM, CD or CV",
                lambda node: not has(node, "offset") or bool(set(node.get("when", ())) - {"C", "CM", "CD", "CV"}),
            ),
            Rule("tim-10", "timeOfDay and when exclude each other", not_both("timeOfDay", "when")),
        ),
    }
)
