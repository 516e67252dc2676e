"""Pages that are smaller than asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.quirks.base import Act, quirk


@quirk("capped-count", family="search", ledger=("D7",), channels=("fhir",), interactions=("search",))
@dataclass(frozen=True, slots=True)
class CappedCount:
    """However high `_count` is, a page has no more than `most` matches, and nothing says so but the `next` link.

    FHIR R4 search.html#count: a server may return fewer than asked for, never more.

    Seen: NextGen sends 25 whatever is asked (fasten-sources, 2024-11-23; vendors-others.md 4.1), ModMed 50 Patients
    at most (8), Azure 1000 of anything (9.4); Oracle Health's bounds differ by type, and not every `self` shows them
    (vendors-epic-oracle.md B3). Coping: follow `next` until there is none, whatever was asked for.
    """

    most: int = 5

    def __post_init__(self) -> None:
        if self.most < 1:
            raise ValueError(f"most is {self.most}; it must be 1 or more")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Cut the first page; those that follow keep its size."""
        page = exchange.result
        if not isinstance(page, SearchPage) or page.offset or page.matches <= self.most:
            act.leave(f"no first page of more than {self.most}")
            return
        rest = [part for part in page.query.split("&") if part and not part.startswith("_count=")]
        found = act.world.found_by(exchange, "&".join([*rest, f"_count={self.most}"]))
        if not isinstance(found, SearchPage) or found.matches >= page.matches:
            act.leave("this vendor's pages have the size they have")
            return
        exchange.result = replace(found, self_url=f"{exchange.base_url}{exchange.path}?{page.query}")
        act.why = f"{found.matches} in place of {page.matches}"
