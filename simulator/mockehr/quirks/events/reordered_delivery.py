"""Events in another order than they happened in."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.events import Delivery
from mockehr.quirks.base import Act, quirk


@quirk("reordered-delivery", family="events", ledger=("F3",), channels=("webhook",))
@dataclass(frozen=True, slots=True)
class ReorderedDelivery:
    """`by` later deliveries to the same endpoint overtake this one, if they come within a minute.

    Coping: order by when things happened or by version, not by arrival; a state that is older than the one held
    changes nothing.
    """

    by: int = 1

    def __post_init__(self) -> None:
        if self.by < 1:
            raise ValueError(f"by is {self.by}; it must be 1 or more")

    def on_deliver(self, delivery: Delivery, act: Act) -> None:
        """Hold it until the others have passed."""
        if not delivery.events:
            act.leave(f"a {delivery.kind} has no place among events")
            return
        delivery.behind += self.by
        act.why = f"behind {self.by} more"
