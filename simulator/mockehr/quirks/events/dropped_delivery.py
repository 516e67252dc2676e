"""Events that never arrive."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.events import Delivery
from mockehr.quirks.base import Act, quirk


@quirk("dropped-delivery", family="events", ledger=("F2",), channels=("webhook",))
@dataclass(frozen=True, slots=True)
class DroppedDelivery:
    """An event is counted as delivered and never sent. Nothing tells the receiver.

    Where events are numbered their numbers have a gap. Coping: reconcile by polling with a watermark.
    """

    def on_deliver(self, delivery: Delivery, act: Act) -> None:
        """Drop it."""
        if not delivery.events:
            act.leave(f"a {delivery.kind} tells of no event")
            return
        delivery.dropped = True
