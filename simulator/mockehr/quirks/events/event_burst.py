"""Nothing for a while, then everything at once."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.events import Delivery
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds


@quirk("event-burst", family="events", ledger=("F8",), channels=("webhook",))
@dataclass(frozen=True, slots=True)
class EventBurst:
    """An outage: from the first delivery on nothing leaves for `lasts`; then all that was held goes out at once.

    With `pause` the next outage begins that long after the end of the last one at the earliest; without, there is
    only one. Coping: take deliveries into a queue and answer at once, whatever the work is; refuse with 429 or 503
    what cannot be queued, and it comes again.
    """

    lasts: Seconds = 600.0
    pause: Seconds = 0.0

    def on_deliver(self, delivery: Delivery, act: Act) -> None:
        """Hold it until the outage is over."""
        until = act.memory.get("until")
        if until is None or (self.pause and act.now >= until + self.pause):
            until = act.memory["until"] = act.now + self.lasts
        if act.now >= until:
            act.leave("the outage is over")
            return
        late = until - act.now
        delivery.late += late
        delivery.signed_ago -= late
        act.why = f"held for {late:g} s"
