"""Sex and birth date, drawn together: one permutation, females first, each sex sorted by birth date.

A range of birth dates is therefore one run of slots per sex, and so is everyone of one sex born in one decade
(a Cell), which is where given names are drawn from.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from mockehr.population.permutation import Permutation
from mockehr.population.pools import SEXES, Sex
from mockehr.population.table import Table, bound

FEMALE_PER_MILLE: Final = 508
OLDEST: Final = 104
"""Nobody is older, in calendar years."""
_FIVE_YEARS: Final[dict[Sex, tuple[int, ...]]] = {
    "female": (58, 60, 63, 65, 66, 68, 70, 67, 65, 62, 62, 64, 64, 56, 45, 32, 20, 12, 5, 2, 1),
    "male": (62, 64, 66, 68, 68, 69, 70, 67, 64, 61, 61, 62, 60, 51, 39, 26, 15, 8, 3, 1, 1),
}
"""The age pyramid: weight of a day of birth by age in groups of five years, roughly as in the United States."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Everyone of one sex born in one decade: the slots [low, high) of the life permutation."""

    sex: Sex
    decade: int
    low: int
    high: int


class Pyramid:
    """How often each birth date occurs among one sex, for a population as it stands on the day `today` (ordinal).

    Dates run from 1 January of the year OLDEST years back to the day before `today`.
    """

    __slots__ = ("_daily", "_first_year", "_starts", "_today", "table")

    def __init__(self, sex: Sex, today: int) -> None:
        year = date.fromordinal(today).year
        groups = _FIVE_YEARS[sex]
        self._today = today
        self._first_year = year - OLDEST
        self._daily = tuple(groups[age // 5] for age in range(OLDEST, -1, -1))
        self._starts = (*(date(born, 1, 1).toordinal() for born in range(self._first_year, year + 1)), today)
        days = [after - start for start, after in zip(self._starts, self._starts[1:], strict=False)]
        self.table = Table(daily * count for daily, count in zip(self._daily, days, strict=True))

    def born(self, slot: int, size: int) -> int:
        """The birth date, as an ordinal, that `slot` of range(size) carries."""
        position = slot * self.table.total // size
        year = self.table.entry(position)
        return self._starts[year] + (position - self.table.cumulative[year]) // self._daily[year]

    def before(self, ordinal: int, size: int) -> int:
        """How many slots of range(size) carry a birth date before `ordinal`."""
        if ordinal <= self._starts[0]:
            return 0
        if ordinal >= self._today:
            return size
        year = bisect_right(self._starts, ordinal) - 1
        position = self.table.cumulative[year] + self._daily[year] * (ordinal - self._starts[year])
        return bound(position, self.table.total, size)

    def decades(self) -> range:
        """The decades of birth that occur: range(1920, 2030, 10)."""
        last = date.fromordinal(self._today).year
        return range(self._first_year // 10 * 10, last + 1, 10)


@lru_cache(maxsize=64)
def pyramid(sex: Sex, today: int) -> Pyramid:
    """The pyramid of `sex` on the day with the ordinal `today`."""
    return Pyramid(sex, today)


class Lives:
    """The life permutation of one population: index -> slot -> (sex, birth date)."""

    __slots__ = ("_lows", "_pyramids", "cells", "females", "order", "size")

    def __init__(self, key: bytes, size: int, today: int) -> None:
        self.size = size
        self.order = Permutation(key, size)
        self.females = size * FEMALE_PER_MILLE // 1000
        self._pyramids = tuple(pyramid(sex, today) for sex in SEXES)
        self.cells = tuple(cell for sex in SEXES for cell in self._cells(sex))
        self._lows = tuple(cell.low for cell in self.cells)

    def sex_slots(self, sex: Sex) -> range:
        """The slots of everyone of one sex."""
        return range(self.females) if sex == "female" else range(self.females, self.size)

    def birth_slots(self, low: int, high: int) -> list[range]:
        """The slots of everyone born in [low, high), given as ordinals: one range per sex."""
        found = []
        for part, pyramid_ in zip(map(self.sex_slots, SEXES), self._pyramids, strict=True):
            first, last = pyramid_.before(low, len(part)), pyramid_.before(high, len(part))
            found.append(range(part.start + first, part.start + max(first, last)))
        return found

    def cell_of(self, slot: int) -> int:
        """The position in `cells` of the cell that holds `slot`."""
        return bisect_right(self._lows, slot) - 1

    def born(self, slot: int) -> int:
        """The birth date of `slot`, as an ordinal."""
        if slot < self.females:
            return self._pyramids[0].born(slot, self.females)
        return self._pyramids[1].born(slot - self.females, self.size - self.females)

    def _cells(self, sex: Sex) -> list[Cell]:
        part, mine = self.sex_slots(sex), self._pyramids[SEXES.index(sex)]
        count = len(part)
        cells = []
        for decade in mine.decades():
            low = mine.before(date(decade, 1, 1).toordinal(), count)
            high = mine.before(date(decade + 10, 1, 1).toordinal(), count)
            if low < high:
                cells.append(Cell(sex, decade, part.start + low, part.start + high))
        return cells
