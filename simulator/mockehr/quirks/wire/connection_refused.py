"""Nobody takes the call."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds

NOT_DONE = Problem(503, "unavailable", "The connection ended before anything was done")
"""The result of what nobody performs, and nobody is told of."""


@quirk("connection-refused", family="wire", ledger=("C4", "C5"), channels=(
    "fhir", "discovery", "token", "files", "feed", "proprietary",
))  # fmt: skip
@dataclass(frozen=True, slots=True)
class ConnectionRefused:
    """The connection is reset as soon as the request is there: nothing is done and nothing answered.

    Where the site has a port of its own, nobody listens there for the next `lasts` (site seconds): connecting is
    refused, or while that is 0, only this connection is reset. On a shared port other sites live, so that the rule's
    `window` has to say for how long requests are reset.

    Seen: Connecting failed for 148 of 1,098 requests to MEDITECH's published endpoints (vendors-others.md 2.1), and
    16 times in a harvest of Epic's 739 (vendors-epic-oracle.md A1; the-map, production fleets, 2026). Coping: as in
    an outage, try more and more seldom; a write whose connection was reset may have been done for all that the client
    knows.
    """

    lasts: Seconds = 0.0

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Do nothing, and cut the connection."""
        exchange.result = NOT_DONE
        effects = exchange.effect()
        effects.reset = "before"
        effects.deaf = self.lasts
        act.why = f"nobody listens for {self.lasts:g} s" if self.lasts else "reset before anything was done"
