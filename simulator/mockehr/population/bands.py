"""Sets of patients as slot ranges of an axis, and unions of them. Nothing is enumerated until somebody iterates."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from mockehr.population.traits import Axis


class Band:
    """The patients whose slots on `axis` lie in `ranges`, in slot order.

    Ranges may have a step only if there is just one range or they do not overlap; plain ones are sorted and merged.
    """

    __slots__ = ("_ends", "_starts", "axis", "plain", "ranges")

    def __init__(self, axis: Axis, ranges: Iterable[range]) -> None:
        kept = [part for part in ranges if part]
        self.plain = all(part.step == 1 for part in kept)
        self.axis = axis
        self.ranges: Sequence[range] = _merged(kept) if self.plain else kept
        self._starts = [part.start for part in self.ranges]
        self._ends = list(accumulate(len(part) for part in self.ranges))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __contains__(self, index: int) -> bool:
        slot = self.axis.slot(index)
        if not self.plain:
            return any(slot in part for part in self.ranges)
        found = bisect_right(self._starts, slot) - 1
        return found >= 0 and slot < self.ranges[found].stop

    def walk(self, offset: int = 0) -> Iterator[int]:
        """The indexes in slot order, from number `offset` on; skipping costs nothing."""
        first = bisect_right(self._ends, offset)
        for number in range(first, len(self.ranges)):
            part = self.ranges[number]
            skipped = offset - (self._ends[number] - len(part)) if number == first else 0
            for slot in part[skipped:]:
                yield self.axis.index(slot)

    def meet(self, other: Band) -> Band:
        """The patients in both; the bands must be plain and lie on one axis."""
        found, mine, theirs = [], list(self.ranges), list(other.ranges)
        left = right = 0
        while left < len(mine) and right < len(theirs):
            low = max(mine[left].start, theirs[right].start)
            high = min(mine[left].stop, theirs[right].stop)
            if low < high:
                found.append(range(low, high))
            if mine[left].stop < theirs[right].stop:
                left += 1
            else:
                right += 1
        return Band(self.axis, found)


def _merged(ranges: list[range]) -> list[range]:
    merged: list[range] = []
    for part in sorted(ranges, key=lambda part: part.start):
        if merged and part.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, part.stop))
        else:
            merged.append(part)
    return merged


class Clause:
    """The patients in at least one of several bands; bands of one axis are joined where they are plain."""

    __slots__ = ("bands",)

    def __init__(self, bands: Iterable[Band]) -> None:
        joined: dict[int, Band] = {}
        stepped: list[Band] = []
        for band in bands:
            if not band.plain:
                stepped.append(band)
            elif id(band.axis) in joined:
                joined[id(band.axis)] = Band(band.axis, [*joined[id(band.axis)].ranges, *band.ranges])
            else:
                joined[id(band.axis)] = band
        filled = [band for band in (*joined.values(), *stepped) if len(band)]
        self.bands = tuple(sorted(filled, key=len, reverse=True))

    @property
    def ceiling(self) -> int:
        """At least as many as there are; exact if there is at most one band."""
        return sum(map(len, self.bands))

    def __contains__(self, index: int) -> bool:
        return any(index in band for band in self.bands)

    def walk(self, offset: int = 0) -> Iterator[int]:
        """Every index once, the largest band first, from number `offset` on."""
        for number, band in enumerate(self.bands):
            earlier = self.bands[:number]
            if not earlier:
                yield from band.walk(offset)
                offset = max(0, offset - len(band))
                continue
            for index in band.walk():
                if any(index in other for other in earlier):
                    continue
                if offset:
                    offset -= 1
                else:
                    yield index

    def count(self) -> int:
        """How many there are; only the bands behind the largest are enumerated."""
        if len(self.bands) < 2:
            return self.ceiling
        first = len(self.bands[0])
        return first + sum(1 for _ in self.walk(first))
