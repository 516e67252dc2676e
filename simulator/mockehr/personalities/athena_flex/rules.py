"""What athenaFlex wants of a search beyond the common rules. Sources: notes.md, section Searching."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mockehr.core.problem import Problem
from mockehr.personalities.rules import Parameters, SearchRules

BUSINESS = "business-rule"
"""As `Problem.value`: refused by a rule of the product, which has an issue type of its own."""


class FlexRules(SearchRules):
    """The common rules; and `search.unhandled`: HAPI has no method for a parameter that is not known."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self._unhandled = bool(settings["unhandled"])

    def check(
        self, resource_type: str, parameters: Parameters, known: Callable[[str], bool] | None = None
    ) -> Problem | None:
        """Unknown parameters first."""
        names = list(dict.fromkeys(name for name, _ in parameters))
        if self._unhandled and known is not None and not all(map(known, names)):
            return Problem(
                400, "parameter-unknown", unhandled(resource_type, ", ".join(names)), resource_type=resource_type
            )
        found = super().check(resource_type, parameters, known)
        if found is None:
            return None
        return Problem(400, found.kind, found.text, resource_type=resource_type, value=BUSINESS)


def unhandled(path: str, names: str) -> str:
    """What HAPI says of a request that none of its methods takes."""
    return (
        f"Invalid request: The FHIR endpoint on this server does not know how to handle GET operation[{path}]"
        f" with parameters [[{names}]]"
    )
