"""The same event twice."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.events import Delivery
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds


@quirk("duplicate-delivery", family="events", ledger=("F1",), channels=("webhook",))
@dataclass(frozen=True, slots=True)
class DuplicateDelivery:
    """An event is delivered `copies` times more, each with a delivery id of its own, `later` seconds apart.

    Coping: an idempotent consumer that knows an event by its own id, not by the delivery's.
    """

    copies: int = 1
    later: Seconds = 60.0

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise ValueError(f"copies is {self.copies}; it must be 1 or more")

    def on_deliver(self, delivery: Delivery, act: Act) -> None:
        """Ask the outbox for more deliveries of the same event."""
        if not delivery.events or delivery.copy or delivery.attempt > 1:
            act.leave("only the first delivery of an event is doubled")
            return
        delivery.copies += self.copies
        delivery.copies_apart = float(self.later)
        act.why = f"{self.copies} more, {self.later:g} s apart"
