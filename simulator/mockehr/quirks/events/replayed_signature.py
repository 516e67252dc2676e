"""Deliveries that somebody recorded and sends again."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds


@quirk("replayed-signature", family="events", ledger=("F4",), channels=("webhook",))
@dataclass(frozen=True, slots=True)
class ReplayedSignature:
    """A delivery comes again `later`, to the octet: the same ids, the same signature, the same time stamp in it.

    It is nothing that the site wants to tell, and is not tried again. What was badly signed on purpose, and endpoints
    without a secret, are left alone.
    Coping: refuse signatures whose time is more than some minutes old, or that were seen before, with 401, 403 or
    409.
    """

    later: Seconds = 600.0

    def __post_init__(self) -> None:
        if self.later <= 0:
            raise ValueError(f"later is {self.later:g} s; a replay comes some time after what was recorded")

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Have it sent again."""
        if not exchange.changes or not act.world.secret_of(exchange.peer):
            act.leave("not signed" if exchange.changes else "tells of no event")
            return
        if any(one.quirk == "bad-signature" and one.outcome == "fired" for one in exchange.decisions):
            act.leave("not signed as agreed")
            return
        act.world.replay_delivery(exchange, self.later)
        act.why = f"comes again in {self.later:g} s"
