"""Pages that overlap."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.quirks.base import Act, quirk


@quirk("page-repeats", family="search", ledger=("D6",), channels=("fhir",), interactions=("search",))
@dataclass(frozen=True, slots=True)
class PageRepeats:
    """The first `entries` matches of a page come again at its end, as when records shift between pages.

    Coping: keep what was seen by type and id, whatever page it comes on.
    """

    entries: int = 2

    def __post_init__(self) -> None:
        if self.entries < 1:
            raise ValueError(f"entries is {self.entries}; it must be 1 or more")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Repeat matches of the page just found."""
        page = exchange.result
        if isinstance(page, SearchPage) and page.entries:
            again = page.entries[: self.entries]
            page.entries = [*page.entries, *again]
            act.why = f"repeats {', '.join(f'{kind}/{id}' for kind, id, _, _ in again)}"
        else:
            act.leave("no matches to repeat")
