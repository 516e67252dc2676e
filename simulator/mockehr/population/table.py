"""Weight tables: which value a slot carries, and which slots carry a value.

A table of weights w0, w1, … cuts range(size) into consecutive runs in these proportions. Both directions are exact
integer arithmetic, so a run's length is the number of patients with that value.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from mockehr.core.folding import fold

Run = tuple[int, int]
"""Half-open positions [first, last) in a table."""


def bound(position: int, total: int, size: int) -> int:
    """The first slot of range(size) at or behind `position` of range(total)."""
    return -(-position * size // total)


class Table:
    """Cumulative weights of consecutive entries; weights are positive integers."""

    __slots__ = ("cumulative", "total")

    def __init__(self, weights: Iterable[int]) -> None:
        self.cumulative = (0, *accumulate(weights))
        self.total = self.cumulative[-1]

    def entry(self, position: int) -> int:
        """The entry that covers `position` of range(total)."""
        return bisect_right(self.cumulative, position) - 1

    def at(self, slot: int, size: int) -> int:
        """The entry that `slot` of range(size) carries."""
        return bisect_right(self.cumulative, slot * self.total // size) - 1

    def slots(self, run: Run, size: int) -> range:
        """The slots of range(size) that carry the entries of `run`."""
        first, last = run
        return range(bound(self.cumulative[first], self.total, size), bound(self.cumulative[last], self.total, size))


class Lexicon:
    """Texts sorted by their folded form, so that a prefix is one run. Raises ValueError if they are not sorted."""

    __slots__ = ("folded", "texts")

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = tuple(texts)
        self.folded = tuple(fold(text) for text in texts)
        if any(left > right for left, right in zip(self.folded, self.folded[1:], strict=False)):
            raise ValueError("a lexicon's texts are sorted by their folded form")

    def starting(self, prefix: str) -> list[Run]:
        """Texts that start with `prefix`; case and accents do not count."""
        wanted = fold(prefix)
        first = bisect_left(self.folded, wanted)
        return _some(first, bisect_left(self.folded, wanted + "\U0010ffff", first))

    def equal(self, text: str) -> list[Run]:
        """Texts that equal `text`; case and accents do not count."""
        wanted = fold(text)
        first = bisect_left(self.folded, wanted)
        return _some(first, bisect_right(self.folded, wanted, first))

    def exact(self, text: str) -> list[Run]:
        """Texts that equal `text` letter by letter."""
        return [run for first, last in self.equal(text) for run in self._where(first, last, text.__eq__, self.texts)]

    def containing(self, part: str) -> list[Run]:
        """Texts with `part` anywhere in them; case and accents do not count."""
        wanted = fold(part)
        return self._where(0, len(self.texts), lambda text: wanted in text, self.folded)

    @staticmethod
    def _where(first: int, last: int, matches: Callable[[str], bool], texts: Sequence[str]) -> list[Run]:
        return [(n, n + 1) for n in range(first, last) if matches(texts[n])]


def _some(first: int, last: int) -> list[Run]:
    return [(first, last)] if first < last else []
