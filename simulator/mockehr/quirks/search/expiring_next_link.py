"""Paging links that die."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds


@quirk("expiring-next-link", family="search", ledger=("D6",), channels=("fhir",), interactions=("search",))
@dataclass(frozen=True, slots=True)
class ExpiringNextLink:
    """The `next` link of a page dies `after` that many seconds, as with servers that keep result sets in memory.

    The client sees a normal page; following its `next` later gets the vendor's own answer for an expired session.
    Coping: start that search again and leave out what was seen already.
    """

    after: Seconds = 0.0

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Give the paging session of the page just found its end."""
        page = exchange.result
        if isinstance(page, SearchPage) and page.next_token:
            act.world.expire_page(page.next_session or page.next_token, act.now + self.after)
            act.why = f"next dies after {self.after:g} s"
        else:
            act.leave("the page has no next")
