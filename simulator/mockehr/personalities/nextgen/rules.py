"""What NextGen wants of a search beyond the common rules. Sources: notes.md, section Searching."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from mockehr.core.problem import Problem
from mockehr.personalities.rules import Parameters, SearchRules

_LONG_CODE: Final = re.compile(r"\d{9}")


class NextGenRules(SearchRules):
    """The common rules; and `search.not_implemented`: types that can be read, and whose search was never written."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self._absent = frozenset(settings["not_implemented"])

    def check(
        self, resource_type: str, parameters: Parameters, known: Callable[[str], bool] | None = None
    ) -> Problem | None:
        """The common rules last."""
        if resource_type in self._absent:
            return Problem(
                400,
                "operation-unknown",
                "NotImplementedException: The method or operation is not implemented.",
                resource_type=resource_type,
                value=f"{resource_type}Engine",
            )
        return super().check(resource_type, parameters, known)

    def standard(self, parameters: Parameters) -> Parameters:
        """Postal codes of nine digits as the five that everybody has."""
        return [
            (name, value[:5]) if name == "address-postalcode" and _LONG_CODE.fullmatch(value) else (name, value)
            for name, value in super().standard(parameters)
        ]
