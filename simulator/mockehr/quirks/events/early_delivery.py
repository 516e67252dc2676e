"""Events that outrun their resources."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds
from mockehr.quirks.unseen import READS, SEARCHES, hide


@quirk("early-delivery", family="events", ledger=("F3",), channels=("fhir",), interactions=READS + SEARCHES)
@dataclass(frozen=True, slots=True)
class EarlyDelivery:
    """An event arrives before its resource can be read: for `lag` after a commit nobody sees that version.

    Reads answer 404, or the version before; searches and histories leave it out. Events are sent at the commit as
    ever. Coping: where what an event names is not there, or older than the event, ask again a little later.
    """

    lag: Seconds = 5.0

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Take out what is too new."""
        taken = hide(exchange, act.world, lambda key, committed: committed + self.lag > act.now)
        if not taken:
            act.leave(f"found nothing that was committed within {self.lag:g} s")
            return
        exchange.notes["unseen"] = list(taken)
        act.why = f"not seen yet: {', '.join(taken[:5])}" + (" …" if taken[5:] else "")
