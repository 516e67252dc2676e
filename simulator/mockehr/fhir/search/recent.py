"""Searches that were just answered, for who asks the same again: most clients poll.

What is kept is what was found, and the bytes of the pages that went out. It holds only as long as nothing at all was
written or changed at the site, which `mark` tells.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final

from mockehr.core.page import Joined, PageEntry
from mockehr.fhir.record import Record
from mockehr.fhir.search.query import Query
from mockehr.fhir.store import ListHits

SEARCHES_KEPT: Final = 128
LARGEST_KEPT: Final = 500
"""Matches of one search; longer ones are not worth their room."""


@dataclass(slots=True)
class KeptPage:
    """One page that went out: its entries, what the journal is told, and the bytes once they are joined."""

    entries: list[PageEntry]
    returned: tuple[str, ...]
    joined: Joined


class KeptHits(ListHits):
    """Matches with the pages that were made of them, by (offset, limit)."""

    def __init__(self, records: Sequence[Record]) -> None:
        super().__init__(records)
        self.pages: dict[tuple[int, int], KeptPage] = {}


@dataclass(frozen=True, slots=True)
class Answered:
    """A search that was found good: its query, its matches, and the parameters that nobody knew."""

    query: Query
    hits: KeptHits
    unknown: Sequence[str]


@dataclass(slots=True)
class Recent:
    """The newest searches of one site, the longest unasked forgotten first."""

    _kept: OrderedDict[Hashable, Answered] = field(default_factory=OrderedDict)
    _mark: Hashable = None

    def get(self, asked: Hashable, mark: Hashable) -> Answered | None:
        """What was answered to this, if nothing has changed since. `mark` changes with every change of the site."""
        if mark != self._mark:
            self._kept.clear()
            self._mark = mark
            return None
        found = self._kept.get(asked)
        if found is not None:
            self._kept.move_to_end(asked)
        return found

    def keep(self, asked: Hashable, answered: Answered) -> None:
        """Keep an answer under the mark of the last `get`."""
        self._kept[asked] = answered
        if len(self._kept) > SEARCHES_KEPT:
            self._kept.popitem(last=False)
