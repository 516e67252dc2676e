"""Pages without matches that are not the last."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.shown import put_entries


@quirk("empty-page", family="search", ledger=("D6",), channels=("fhir",), interactions=("search",))
@dataclass(frozen=True, slots=True)
class EmptyPage:
    """Before a page comes an empty one, whose `next` link leads to what should have been on it.

    Each page is emptied once; one that is the last is left alone, and so are pages that are not reached by tokens.

    Seen: HAPI FHIR empties a page whose records a consent takes away (hapifhir/hapi-fhir#5125, where `next` was lost
    with them), and links to empty pages (#5237, #7711). Coping: a page without entries is no end; only a page without
    a `next` link is.
    """

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Empty the page just found and let its `next` lead to it again."""
        page = exchange.result
        if not isinstance(page, SearchPage) or not page.next_token or not page.matches:
            act.leave("the page is empty or the last one")
            return
        refilled: set[str] = act.memory.setdefault("refilled", set())
        if any(token in exchange.query for token in refilled):
            act.leave("comes after its empty page")
            return
        token = act.world.page_again(page)
        if not token:
            act.leave("this page cannot be reached again")
            return
        refilled.add(token)
        again = page.next_url.replace(page.next_token, token)
        put_entries(exchange, replace(page, next_token=token, next_session=token, next_url=again), [])
        act.why = f"{page.matches} matches come with the next page"
