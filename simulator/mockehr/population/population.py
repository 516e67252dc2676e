"""The patients of a site: a pure function of (seed, index), of any size, weighing nothing."""

from __future__ import annotations

from collections.abc import Sequence

from mockehr.core.chance import Chance
from mockehr.core.errors import UsageError
from mockehr.population.criteria import Criterion
from mockehr.population.directory import Directory
from mockehr.population.permutation import LARGEST
from mockehr.population.person import Person
from mockehr.population.search import Selection, select
from mockehr.population.traits import Traits


class Population:
    """`size` patients with the indexes 0 to size-1, as they stand at `as_of` (seconds since 1970 UTC).

    Same seed, size, day and state: same patients. Making one takes well under a millisecond once the pools are read,
    and memory does not depend on `size`. `state` is the two-letter code of the state where they live.
    """

    __slots__ = ("_chance", "_directory", "_traits", "as_of", "size", "state")

    def __init__(self, chance: Chance, size: int, *, as_of: float, state: str = "IL") -> None:
        if not 0 <= size <= LARGEST:
            raise UsageError(f"A population has between 0 and 2**58 patients, not {size}.")
        self.size = size
        self.as_of = as_of
        self.state = state
        self._chance = chance
        self._traits = Traits(chance, size, as_of, state)
        self._directory: Directory | None = None

    @property
    def directory(self) -> Directory:
        """Staff, organisations and places of the site; made when first asked for."""
        if self._directory is None:
            self._directory = Directory(self._chance, state=self.state)
        return self._directory

    def person(self, index: int) -> Person:
        """Patient `index`; raises IndexError outside range(size)."""
        return self._traits.person(index)

    def find(self, criteria: Sequence[Criterion]) -> Selection:
        """The patients that satisfy all criteria; raises UsageError for what cannot be asked."""
        return select(self._traits, criteria)

    def index_of_mrn(self, number: int) -> int | None:
        """Whose `mrn_number` that is, or None."""
        return self._traits.mrn.index(number) if 0 <= number < self.size else None
