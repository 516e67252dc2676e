"""Groups of patients that are functions of the population: who is in them costs no memory, however many they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockehr.population.criteria import Criterion
from mockehr.population.population import Population
from mockehr.population.search import Selection

JSON = dict[str, Any]
LISTED: Final = 10_000
"""Members up to which a Group lists them; of larger ones it tells the number only."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """The first `most` (None: all) of the patients that satisfy `criteria`, in an order that never changes."""

    name: str
    most: int | None = None
    criteria: tuple[Criterion, ...] = ()

    def among(self, population: Population) -> Enrolment:
        """Who that is in a population; raises UsageError for criteria that it cannot be asked."""
        return Enrolment(self, population)


class Enrolment:
    """The members of one cohort, by index."""

    __slots__ = ("_population", "_selection", "cohort")

    def __init__(self, cohort: Cohort, population: Population) -> None:
        self.cohort = cohort
        self._population = population
        self._selection: Selection | None = population.find(cohort.criteria) if cohort.criteria else None

    @property
    def size(self) -> int:
        """How many they are; counted when first asked for."""
        found = self._population.size if self._selection is None else self._selection.count
        return found if self.cohort.most is None else min(found, self.cohort.most)

    def page(self, offset: int, limit: int) -> Sequence[int]:
        """The members number `offset` to `offset + limit`."""
        limit = max(0, min(limit, self.size - offset))
        return range(offset, offset + limit) if self._selection is None else self._selection.page(offset, limit)

    def place(self, index: int) -> int | None:
        """Where in the order a member is; None where that would mean going through them."""
        return index if self._selection is None else None

    def __contains__(self, index: int) -> bool:
        if self._selection is None:
            return 0 <= index < self.size
        if not 0 <= index < self._population.size or index not in self._selection:
            return False
        return self.cohort.most is None or index in self._selection.page(0, self.size)

    def resource(self, position: int) -> JSON:
        """The clean Group, which is the `position`-th of its site (FHIR R4 group.html)."""
        made: JSON = {
            "resourceType": "Group",
            "id": f"d{position}",
            "active": True,
            "type": "person",
            "actual": True,
            "name": self.cohort.name,
            "quantity": self.size,
        }
        if 0 < self.size <= LISTED:
            members = self.page(0, self.size)
            made["member"] = [{"entity": {"reference": f"Patient/p{index}"}} for index in members]
        return made
