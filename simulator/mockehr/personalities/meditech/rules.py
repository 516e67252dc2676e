"""How MEDITECH's clients ask: a patient by `patient.identifier`, a name as `Last,First`. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.search.parse import split_escaped, unescape
from mockehr.personalities.rules import Parameters, SearchRules

_EXACT: Final = frozenset({"exact", "pn", "mr", "ptId", "ptSource"})


class MeditechRules(SearchRules):
    """The common rules, after parameters were put in the standard's words."""

    def meant(self, exchange: Exchange, parameters: Parameters) -> Parameters:
        """The same search as the standard would ask for it."""
        pairs = [("patient" if name == "patient.identifier" else name, value) for name, value in parameters]
        if exchange.interaction is None or exchange.interaction.resource_type != "Patient":
            return pairs
        numbers = _numbers(dict(pairs))
        found: list[tuple[str, str]] = []
        for name, value in pairs:
            if name == "name" and "\\," in value:
                found += _last_first(value)
            elif name not in _EXACT or (name == "exact" and not numbers):
                found.append((name, value))
        return [*found, *numbers]

    def check(
        self, resource_type: str, parameters: Parameters, known: Callable[[str], bool] | None = None
    ) -> Problem | None:
        """The common rules; and an exact match wants a number."""
        if resource_type == "Patient" and any(name == "exact" for name, _ in parameters):
            text = "exact wants pn, mr, or ptId and ptSource"
            return Problem(400, "parameter-missing", text, parameter="exact", resource_type=resource_type)
        return super().check(resource_type, parameters, known)


def _last_first(value: str) -> Parameters:
    r"""`Last\,First` as a family and a given name; several names as they are."""
    if len(split_escaped(value, ",")) > 1:
        return [("name", value)]
    family, _, given = value.partition("\\,")
    pairs = [("family", family.strip()), ("given", unescape(given).strip())]
    return [pair for pair in pairs if pair[1]]


def _numbers(told: Mapping[str, str]) -> Parameters:
    """The numbers of an exact match as identifiers: `mr`, `pn` (an OID), `ptId` with `ptSource`."""
    found = [("identifier", told["mr"])] if told.get("mr") else []
    if told.get("pn"):
        found.append(("identifier", f"urn:oid:{told['pn']}"))
    if told.get("ptId") and told.get("ptSource"):
        found.append(("identifier", f"{told['ptSource']}|{told['ptId']}"))
    return found
