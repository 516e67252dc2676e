"""Totals that are not what comes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.quirks.base import Act, quirk


@quirk("changing-total", family="search", ledger=("D6",), channels=("fhir",), interactions=("search",))
@dataclass(frozen=True, slots=True)
class ChangingTotal:
    """`Bundle.total` differs from page to page: one page tells `by` too few, the next `by` too many, and so on.

    FHIR R4 search.html#total knows a `_total` that is an estimate, and leaves it to the server to tell one at all.
    Vendors that tell no total are left alone.

    Seen: Epic, MEDITECH and ModMed tell how many are on the page, so that the last page's total is another one
    (vendors-epic-oracle.md A3.3; vendors-others.md 0); NextGen told 109, of which 50 could be reached (4.1). Coping:
    go by the `next` links alone; a total is for people.
    """

    by: int = 3

    def __post_init__(self) -> None:
        if self.by < 1:
            raise ValueError(f"by is {self.by}; it must be 1 or more")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Tell another total on the page just found."""
        page = exchange.result
        if not isinstance(page, SearchPage) or page.total is None:
            act.leave("no total is told")
            return
        few = page.page_size <= 0 or (page.offset // page.page_size) % 2 == 0
        told = max(0, page.total - self.by) if few else page.total + self.by
        exchange.result = replace(page, total=told)
        act.why = f"tells {told} of {page.total}"
