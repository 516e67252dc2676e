"""Records that fall between two pages."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.shown import put_entries


@quirk("page-gaps", family="search", ledger=("D6",), channels=("fhir",), interactions=("search",))
@dataclass(frozen=True, slots=True)
class PageGaps:
    """The first `entries` matches of a page that follows another are missing, as when rows move up between requests.

    That happens wherever pages are cut by offset from data that change. The total still counts them. The entry notes
    them as `left_out`.

    Seen: Two records of a page came again on the next one and two others never (hapifhir/hapi-fhir#616); `_offset`
    without a sort shows records twice (#3608); athenaFlex loses records behind `_after`
    (athenahealth/apiserver-athenaFlex#185, #391). Coping: compare what came with the total, or search again for what
    changed meanwhile, and merge by id.
    """

    entries: int = 1

    def __post_init__(self) -> None:
        if self.entries < 1:
            raise ValueError(f"entries is {self.entries}; it must be 1 or more")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Leave out the first matches of a page that is not the first."""
        page = exchange.result
        if not isinstance(page, SearchPage) or not page.offset or not page.matches:
            act.leave("not a following page with matches")
            return
        gone = [entry for entry in page.entries if entry[3] == "match"][: self.entries]
        keys = [f"{kind}/{id}" for kind, id, _, _ in gone]
        put_entries(exchange, page, [entry for entry in page.entries if entry not in gone])
        exchange.notes["left_out"] = keys
        act.why = f"leaves out {', '.join(keys)}"
