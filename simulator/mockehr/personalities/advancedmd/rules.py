"""How AdvancedMD reads searches: by family name alone, and for the patient of the launch. Sources: notes.md."""

from __future__ import annotations

from mockehr.auth.scopes import Scopes
from mockehr.core.exchange import Exchange
from mockehr.fhir.search.table import definitions
from mockehr.personalities.rules import Parameters, SearchRules, base_name


class AdvancedRules(SearchRules):
    """The common rules over what a search is taken for."""

    def meant(self, exchange: Exchange, parameters: Parameters) -> Parameters:
        """`name` of a Patient is the family name. A user's token that names nobody means the launch patient."""
        asked = exchange.interaction
        kind = asked.resource_type if asked is not None else ""
        pairs = list(parameters)
        if kind == "Patient":
            pairs = [("family" + name[4:] if base_name(name) == "name" else name, value) for name, value in pairs]
        if not exchange.patient or not _of_user(exchange):
            return pairs
        named = {base_name(name) for name, value in pairs if value}
        if named & {"_id", "patient"}:
            return pairs
        if kind == "Patient":
            return [*pairs, ("_id", exchange.patient)]
        return [*pairs, ("patient", exchange.patient)] if kind and "patient" in definitions(kind) else pairs


def _of_user(exchange: Exchange) -> bool:
    scopes = exchange.scopes
    return isinstance(scopes, Scopes) and any(scope.context == "user" for scope in scopes)
