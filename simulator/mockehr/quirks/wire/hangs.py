"""Answers that never come."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.wire.connection_refused import NOT_DONE


@quirk("hangs", family="wire", ledger=("C3",), channels=(
    "fhir", "discovery", "token", "files", "feed", "proprietary",
))  # fmt: skip
@dataclass(frozen=True, slots=True)
class Hangs:
    """The request is taken, the connection stays open and no answer ever comes; it ends when the client gives up, or
    when the server stops, whatever the site's clock does. `after_work`: the request was done all the same.

    Seen: A search for DocumentReference at eClinicalWorks ran into its client's time-out (fasten-sources, 2024-11-23;
    vendors-others.md 3.2); whether an answer would have come is not known. Coping: a time-out on every request, few
    requests at once to a site that does not answer, and before a write is repeated a look whether it is there.
    """

    after_work: bool = False

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Never answer."""
        if not self.after_work:
            exchange.result = NOT_DONE
        exchange.effect().hang = True
        act.why = "done, and never answered" if self.after_work else "never done and never answered"
