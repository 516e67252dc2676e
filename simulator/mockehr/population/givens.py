"""Given names: within each cell of one sex and decade of birth, a second permutation draws (first, second) jointly.

The slot of a patient on this axis is `cell.low + shuffled(life slot - cell.low)`, again a bijection of the whole
population, so a given name's patients are exactly known slot ranges: one or two per cell and second name. A cell is
divided into sixty strata, one per second name; each runs through the whole table of first names, starting somewhere
else so that small cells do not all begin with the letter A. In three strata of eight people go by the short form of
their first name, if it has one.
"""

from __future__ import annotations

from collections.abc import Callable

from mockehr.population.life import Cell, Lives
from mockehr.population.permutation import Permutation
from mockehr.population.pools import SEXES, Sex, given, given_table, middle_names, nicknames, short_forms
from mockehr.population.table import Lexicon, Run, Table, bound

Finder = Callable[[Lexicon], list[Run]]
"""Finds the wanted names of a lexicon, as runs of its positions."""


class Names:
    """The names of one cell: n slots, numbered from 0."""

    __slots__ = ("_count", "_firsts", "_seconds", "_shift", "_step", "_table", "_turn", "cell", "order")

    def __init__(self, cell: Cell, key: bytes) -> None:
        self.cell = cell
        self._count = cell.high - cell.low
        self._firsts: Lexicon = given(cell.sex).names
        self._seconds: Lexicon = middle_names(cell.sex)
        self._table: Table = given_table(cell.sex, cell.decade)
        self.order = Permutation(key, self._count)
        self._turn = int.from_bytes(key[:8], "big") % self._table.total
        self._step = self._table.total * 618 // 1000
        self._shift = key[8] % len(self._seconds.texts)

    def at(self, slot: int) -> tuple[str, str, str]:
        """First and second given name and the nickname.

        The second is empty if there is none or if it would repeat the first, the nickname if its bearer has none.
        """
        total, strata = self._table.total, len(self._seconds.texts)
        stratum, position = divmod(slot * total * strata // self._count, total)
        first = self._firsts.texts[self._table.entry((position + self._start(stratum)) % total)]
        second = self._seconds.texts[(stratum + self._shift) % strata]
        short = nicknames().get(first, "") if _short(stratum) else ""
        return first, "" if second == first else second, "" if short == first else short

    def slots(self, firsts: list[Run], seconds: frozenset[int], shorts: list[Run]) -> list[range]:
        """The slots, counted from `cell.low`, whose first name is in `firsts` or whose second is in `seconds`.

        `shorts` are the first names that are wanted where people go by the short form; they have `firsts` in them.

        Whoever matches by the first name must be matched by the second name too where both are the same text;
        finders see to that, as they ask both lexicons the same question.
        """
        total, strata, low = self._table.total, len(self._seconds.texts), self.cell.low
        whole, found = total * strata, []
        cumulative = self._table.cumulative
        plain, shortened = ([(cumulative[a], cumulative[b]) for a, b in runs] for runs in (firsts, shorts))
        for stratum in range(strata):
            base = stratum * total
            if (stratum + self._shift) % strata in seconds:
                parts = [(0, total)]
            else:
                wanted = shortened if _short(stratum) else plain
                parts = [part for run in wanted for part in _turned(run, self._start(stratum), total)]
            for start, stop in parts:
                left, right = bound(base + start, whole, self._count), bound(base + stop, whole, self._count)
                if left < right:
                    found.append(range(low + left, low + right))
        return found

    def _start(self, stratum: int) -> int:
        return (self._turn + stratum * self._step) % self._table.total


def _short(stratum: int) -> bool:
    return stratum % 8 < 3


def _joined(firsts: list[Run], others: set[int]) -> list[Run]:
    """The runs of all positions in `firsts` or among `others`, each position once."""
    positions = sorted(others.union(*(range(first, last) for first, last in firsts)))
    runs: list[Run] = []
    for position in positions:
        if runs and runs[-1][1] == position:
            runs[-1] = (runs[-1][0], position + 1)
        else:
            runs.append((position, position + 1))
    return runs


def _turned(run: tuple[int, int], start: int, total: int) -> list[tuple[int, int]]:
    """Where the positions [run) of a ring of `total` lie when counting begins at `start`: one part or two."""
    length = run[1] - run[0]
    first = (run[0] - start) % total
    if first + length <= total:
        return [(first, first + length)]
    return [(first, total), (0, first + length - total)]


class Givens:
    """The given-name axis of one population."""

    __slots__ = ("_lives", "names")

    def __init__(self, lives: Lives, key: Callable[..., bytes]) -> None:
        self._lives = lives
        self.names = tuple(Names(cell, key("given", cell.sex, cell.decade)) for cell in lives.cells)

    def slot(self, index: int) -> int:
        """The place of patient `index` on this axis."""
        life = self._lives.order.slot(index)
        names = self.names[self._lives.cell_of(life)]
        return names.cell.low + names.order.slot(life - names.cell.low)

    def index(self, slot: int) -> int:
        """The patient at `slot` of this axis."""
        names = self.names[self._lives.cell_of(slot)]
        return self._lives.order.index(names.cell.low + names.order.index(slot - names.cell.low))

    def at_life(self, life: int) -> tuple[str, str, str]:
        """First and second given name and nickname of whoever has the life slot `life`; see Names.at."""
        names = self.names[self._lives.cell_of(life)]
        return names.at(names.order.slot(life - names.cell.low))

    def find(self, finder: Finder) -> list[range]:
        """The slots of everyone of whom `finder` finds the first given name, the second or the nickname."""
        wanted: dict[Sex, tuple[list[Run], frozenset[int], list[Run]]] = {}
        for sex in SEXES:
            seconds = frozenset(
                position
                for first, last in finder(middle_names(sex))
                for position in range(first, last)
                if middle_names(sex).texts[position]
            )
            firsts, forms = finder(given(sex).names), short_forms(sex)
            called = {place for a, b in finder(forms.names) for owners in forms.of[a:b] for place in owners}
            wanted[sex] = firsts, seconds, _joined(firsts, called)
        return [part for names in self.names for part in names.slots(*wanted[names.cell.sex])]
