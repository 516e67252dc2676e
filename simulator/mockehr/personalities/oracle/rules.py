"""What Oracle Health wants of a search beyond the common rules. Sources: notes.md, section Searching."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Kind, Problem
from mockehr.personalities.oracle.writes import mixes_codes
from mockehr.personalities.rules import Parameters, SearchRules, base_name

_UPDATED: Final = re.compile(r"(?:eq|ge|gt|le|lt)?\d.*")
_MOST_UPDATED: Final = 2


_ORDERS: Final = MappingProxyType(
    {"Observation": "--first,-date", "Encounter": "date", "Appointment": "date", "Slot": "start"}
)
"""By type, how matches are ordered: `-first` (`search.own`) finds what the first page has in any case."""


class OracleRules(SearchRules):
    """The common rules, and for each type (`search.types` of `personality.yaml`) also:

    `alone`: parameters that go with no other; `with`: parameters that need one of others; `twice`: what a parameter
    that is given twice must have, prefixes between them or a time in each. `_lastUpdated` has up to two values.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self._told: Mapping[str, Mapping[str, Any]] = settings["types"]

    def check(
        self, resource_type: str, parameters: Parameters, known: Callable[[str], bool] | None = None
    ) -> Problem | None:
        """The common rules first."""
        found = super().check(resource_type, parameters, known)
        if found is not None:
            return found
        present: dict[str, list[str]] = {}
        for name, value in parameters:
            if value:
                present.setdefault(base_name(name), []).append(value)
        told = self._told.get(resource_type, {})
        wrong = _not_alone(told, present) or _lonely(told, present) or _twice(told, present) or _updated(present)
        if wrong is None:
            return _mixed(resource_type, present)
        kind, name, text = wrong
        return Problem(400, kind, text, parameter=name, resource_type=resource_type, expression=(name,))

    def meant(self, exchange: Exchange, parameters: Parameters) -> Parameters:
        """What is searched for besides: free slots alone, all problems with an encounter's diagnoses, an order."""
        asked = exchange.interaction
        kind = asked.resource_type if asked is not None else ""
        names = {base_name(name) for name, _ in parameters}
        made = list(parameters)
        if kind == "Slot" and "_id" not in names:
            made.append(("status", "free"))
        if kind == "Condition" and "encounter" in names:
            made = [_with_problems(name, value) for name, value in made]
        order = _ORDERS.get(kind)
        if order and "_id" not in names and "_sort" not in names:
            made.append(("_sort", order))
        return made


def _with_problems(name: str, value: str) -> tuple[str, str]:
    """An encounter's diagnoses, and whatever is on the problem list."""
    if name != "encounter":
        return name, value
    visits = [f"Encounter/{one.rpartition('/')[2]}" for one in value.split(",")]
    return "-encounter-or-problem", ",".join([*visits, "problem-list-item"])


Wrong = tuple[Kind, str, str]
"""(kind of problem, parameter, the vendor's words)."""


def _mixed(kind: str, present: Mapping[str, list[str]]) -> Problem | None:
    """Codes of the tenant's and of standards do not go together."""
    told = present.get("service-type", ()) if kind == "Slot" else ()
    if not any(mixes_codes(value) for value in told):
        return None
    text = "service-type must have only proprietary codes or only standard codes"
    return Problem(422, "parameter-invalid", text, parameter="service-type", resource_type=kind)


def _not_alone(told: Mapping[str, Any], present: Mapping[str, list[str]]) -> Wrong | None:
    for name in told.get("alone", ()):
        if name in present and any(other != name and not other.startswith("_") for other in present):
            return "parameter-conflict", name, f"{name} may not be provided with other parameters"
    return None


def _lonely(told: Mapping[str, Any], present: Mapping[str, list[str]]) -> Wrong | None:
    for rule in told.get("with", ()):
        if rule["of"] in present and not any(name in present for name in rule["any"]):
            return "parameter-missing", rule["of"], rule["text"]
    return None


def _twice(told: Mapping[str, Any], present: Mapping[str, list[str]]) -> Wrong | None:
    for rule in told.get("twice", ()):
        values = present.get(rule["of"], ())
        if len(values) < 2:
            continue
        prefixes = rule.get("prefixes", ())
        if not all(any(value.startswith(prefix) for value in values) for prefix in prefixes):
            return "parameter-invalid", rule["of"], rule["text"]
        if rule.get("timed") and any("T" not in value for value in values):
            return "parameter-invalid", rule["of"], rule["text"]
    return None


def _updated(present: Mapping[str, list[str]]) -> Wrong | None:
    values = present.get("_lastUpdated", ())
    if len(values) > _MOST_UPDATED:
        return "parameter-conflict", "_lastUpdated", "_lastUpdated may be provided at most twice"
    if any(_UPDATED.fullmatch(value) is None for value in values):
        return "parameter-invalid", "_lastUpdated", "_lastUpdated must have a prefix of eq, ge, gt, le, or lt"
    if len(values) == _MOST_UPDATED and any("T" not in value for value in values):
        return "parameter-invalid", "_lastUpdated", "_lastUpdated must have a time when provided twice"
    return None
