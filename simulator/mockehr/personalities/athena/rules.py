"""What athenahealth wants of a search: whose practice it is about, and one of a few combinations of parameters.

Sources: notes.md, section Searching.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mockehr.core.problem import Problem
from mockehr.personalities.athena.ids import GLOBAL
from mockehr.personalities.rules import Parameters, SearchRules, base_name

PRACTICE: Final = "ah-practice"
OWN: Final = (PRACTICE, "ah-brand", "ah-chart-sharing-group", "ah-department", "ah-provider-group")
"""Parameters of the vendor's own that say in whose records to look."""
NO_PRACTICE: Final = (
    "Could not determine what practice the request was for. Add the `ah-practice` search parameter to your request."
)
_TENANT: Final = re.compile(r"(?:^|[/|,])a-(\d+)\.[A-Za-z]")
_PRACTICE_ID: Final = re.compile(r"(?:Organization/)?a-1\.Practice-(\d+)")


class AthenaRules(SearchRules):
    """The common rules, and `any` of each type in `search.types`: lists of parameters of which one must be complete.

    A type without `any` of its own has that of `search.any`.
    """

    def __init__(self, settings: Mapping[str, Any], practice: str) -> None:
        super().__init__(settings)
        self._usual = settings["any"]
        self._types_told: Mapping[str, Mapping[str, Any]] = settings["types"]
        self._practice = practice

    def combinations(self, resource_type: str) -> Sequence[Sequence[str]]:
        """The combinations of which a search of the type needs one."""
        found: Sequence[Sequence[str]] = self._types_told.get(resource_type, {}).get("any", self._usual)
        return found

    def check(
        self, resource_type: str, parameters: Parameters, known: Callable[[str], bool] | None = None
    ) -> Problem | None:
        """First whose practice; then what the type wants; last the common rules."""
        if resource_type == "Subscription":
            return None
        given = [(name, value) for name, value in parameters if value]
        return (
            self._malformed_own(resource_type, given)
            or self._homeless(resource_type, given)
            or self._incomplete(resource_type, given)
            or super().check(resource_type, parameters, known)
            or self._elsewhere(resource_type, given)
        )

    def _malformed_own(self, kind: str, given: Parameters) -> Problem | None:
        for name, value in given:
            if base_name(name) not in OWN:
                continue
            good = value.split("/", 1)[0] == "Organization" and ":" not in name
            if not good:
                text = f"The search parameter {name} with the value {value[:100]} could not be understood."
                return Problem(
                    400, "parameter-invalid", text, parameter=base_name(name), resource_type=kind, value=value
                )
        return None

    def _homeless(self, kind: str, given: Parameters) -> Problem | None:
        if any(name == PRACTICE or _names_tenant(value) for name, value in given):
            return None
        return Problem(400, "tenant-unknown", NO_PRACTICE, parameter=PRACTICE, resource_type=kind)

    def _incomplete(self, kind: str, given: Parameters) -> Problem | None:
        names = {base_name(name) for name, _ in given}
        wanted = [list(one) for one in self.combinations(kind)]
        if not wanted or any(names.issuperset(one) for one in wanted):
            return None
        joined = [",".join(one) for one in wanted]
        listed = ",".join(f"[{one}]" for one in joined)
        text = (
            "The search query could not be performed because one of the required parameter combinations "
            f"[{listed}] was not provided."
        )
        return Problem(403, "parameter-missing", text, resource_type=kind, expression=tuple(joined))

    def _elsewhere(self, kind: str, given: Parameters) -> Problem | None:
        """A search in another practice, or another group of charts, finds nothing."""
        for name, value in given:
            practice = _PRACTICE_ID.fullmatch(value) if name == PRACTICE else None
            other = practice is None or practice[1] != self._practice
            if name in OWN and other and f"/a-{self._practice}." not in value:
                return Problem(
                    200, "parameter-missing", "That is another practice", parameter=name, resource_type=kind
                )
        return None


def _names_tenant(value: str) -> bool:
    return any(found != GLOBAL for found in _TENANT.findall(value))
