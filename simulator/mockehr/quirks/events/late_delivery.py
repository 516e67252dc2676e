"""Events that come long after they happened."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.events import Delivery
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds


@quirk("late-delivery", family="events", ledger=("F3",), channels=("webhook",))
@dataclass(frozen=True, slots=True)
class LateDelivery:
    """A delivery is sent between `least` and `most` later than it should be, signed as of then; others overtake it.

    Coping: order by when things happened, and reconcile without waiting for events.
    """

    least: Seconds = 60.0
    most: Seconds = 7200.0

    def __post_init__(self) -> None:
        if self.most < self.least:
            raise ValueError(f"most is {self.most:g} s, which is less than least, {self.least:g} s")

    def on_deliver(self, delivery: Delivery, act: Act) -> None:
        """Keep it back."""
        late = act.dice.uniform(self.least, self.most)
        delivery.late += late
        delivery.signed_ago -= late
        act.why = f"{late:.3f} s late"
