"""Paging that never ends."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.quirks.base import Act, one_of, quirk

WHERE = ("itself", "first")


@quirk("next-link-loops", family="search", ledger=("D6",), channels=("fhir",), interactions=("search",))
@dataclass(frozen=True, slots=True)
class NextLinkLoops:
    """The `next` link of a page leads `to` the page `itself`, or back to the `first` one.

    A page that has no `next` is left alone.

    Seen outside of FHIR: a cursor made of a time does not move on where more records than a page share one
    (Zendesk's; airbytehq/airbyte#81516, PostHog/posthog#59215). No FHIR server on record does it; a client library
    guards against it (awbx/fhir-dsl#15). Coping: remember the links that were followed, stop at one that comes again,
    and say that the result is not complete.
    """

    to: str = "itself"

    def __post_init__(self) -> None:
        one_of("to", self.to, WHERE)

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Let the page lead back."""
        page = exchange.result
        if not isinstance(page, SearchPage) or not page.next_token or exchange.method != "GET":
            act.leave("the page has no next")
            return
        query = exchange.query if self.to == "itself" else page.query
        exchange.result = replace(page, next_url=f"{exchange.base_url}{exchange.path}?{query}")
        act.why = f"next leads to the page {self.to}"
