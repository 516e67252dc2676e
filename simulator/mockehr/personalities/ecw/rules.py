"""What eClinicalWorks wants of a search, in the words of its HAPI facade. Sources: notes.md, section Searching."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mockehr.core.page import SearchPage
from mockehr.core.problem import Problem
from mockehr.personalities.rules import Parameters, SearchRules, base_name


class FacadeRules(SearchRules):
    """The common rules. A set of parameters that no method of the facade is for is refused by its names.

    `unsupported` of a type in `search.types` names parameters that no method has; `search.empty_total` the types
    whose empty answer has the page size for its total.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self._unsupported = {
            name: frozenset(told["unsupported"])
            for name, told in settings["types"].items()
            if told.get("unsupported")
        }
        self._empty_total: Any = settings["empty_total"]

    def check(
        self, resource_type: str, parameters: Parameters, known: Callable[[str], bool] | None = None
    ) -> Problem | None:
        """The refusal names all parameters, in the order in which they were given."""
        found = super().check(resource_type, parameters, known)
        names = [base_name(name) for name, _ in parameters]
        strange = sorted(self._unsupported.get(resource_type, frozenset()).intersection(names))
        if found is None and strange:
            found = Problem(400, "parameter-unknown", "", parameter=strange[0], resource_type=resource_type)
        if found is None or found.status == 200 or found.kind not in ("parameter-missing", "parameter-unknown"):
            return found
        listed = ",".join(dict.fromkeys(names))
        text = f"Invalid request: Does not know how to handle get operation with parameter [{listed}]"
        return replace(found, text=text)

    def total(self, page: SearchPage) -> int | None:
        """Of an empty answer to a search of some types: how many there could have been on the page."""
        listed = self._empty_total
        if not page.entries and page.page_size and (listed == "all" or page.resource_type in listed):
            return page.page_size
        return super().total(page)
