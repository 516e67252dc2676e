"""Matches that are found one after the other, by looking through charts, a bounded number for each page.

Memory stays flat: only what the newest pages need is kept. What a page shows depends on where it begins alone, so
that the same page asked for again is the same, and nothing that is written meanwhile moves it (the source walks over
what was there when the search began).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from mockehr.fhir.record import Record
from mockehr.fhir.search.context import TooCostly

KEPT_BEFORE: Final = 100
"""Matches before the newest page that are kept at least; a whole page before it is kept in any case."""


class PageGone(Exception):
    """A page so far back that nothing is kept of it any more."""


class Portion(NamedTuple):
    """One page of matches. `more`: there are more, or may be. `looked`: charts looked through up to its end."""

    records: Sequence[Record]
    more: bool
    looked: int


class StreamHits:
    """Matches of a walk (`mockehr.fhir.store.Hits`)."""

    def __init__(self, source: Iterator[Record | None], most: int, total: int | None = None) -> None:
        """`source` gives None after each chart that it looked through; `most` is how many a page may look through."""
        self.source = source
        """Where they come from; whoever takes from it takes it over."""
        self._most = most
        self._total = total
        self._window: deque[tuple[int, Record]] = deque()
        """(charts looked through before, match), from match number `_first` on."""
        self._first = 0
        self._looked = 0
        self._ended = False
        self._failed: TooCostly | None = None

    @property
    def total(self) -> int | None:
        """The exact number, if it is known without looking at everything."""
        return self._total

    def page(self, offset: int, limit: int) -> Sequence[Record]:
        """A slice. Raises TooCostly where it cannot be told within the bound, and PageGone."""
        portion = self.portion(offset, limit, self._looked)
        if portion.more and len(portion.records) < limit:
            raise TooCostly
        return portion.records

    def portion(self, offset: int, limit: int, since: int) -> Portion:
        """Up to `limit` matches from `offset`; fewer where `most` charts beyond the first `since` hold no more.

        Raises PageGone.
        """
        if offset < self._first:
            raise PageGone
        until, oldest = since + self._most, offset - max(limit, KEPT_BEFORE)
        self._forget(oldest)
        # One more than asked for tells whether there is more.
        while self._first + len(self._window) <= offset + limit and self._looked < until and self._look_on():
            self._forget(oldest)
        if self._looked == until and not (self._window and self._window[-1][0] == until):
            self._look_on()  # the end may be right here
        start = offset - self._first
        found = [pair for pair in islice(self._window, start, start + limit + 1) if pair[0] < until]
        if len(found) > limit:
            return Portion([record for _, record in found[:limit]], True, found[limit - 1][0] if limit else since)
        ended = self._ended and start + len(found) >= len(self._window)
        return Portion([record for _, record in found], not ended, until)

    def everything(self) -> list[Record]:
        """All matches, to be called first if at all. Raises TooCostly if they lie in more than `most` charts."""
        while self._looked <= self._most and self._look_on():
            pass
        if not self._ended:
            raise TooCostly
        return [record for _, record in self._window]

    def _look_on(self) -> bool:
        """Take one step; False at the end."""
        if self._failed is not None:
            raise self._failed  # a source that raised once would only say that it has ended
        try:
            record = next(self.source)
        except StopIteration:
            self._ended = True
            return False
        except TooCostly as error:
            self._failed = error
            raise
        if record is None:
            self._looked += 1
        else:
            self._window.append((self._looked, record))
        return True

    def _forget(self, before: int) -> None:
        while self._first < before and self._window:
            self._window.popleft()
            self._first += 1
