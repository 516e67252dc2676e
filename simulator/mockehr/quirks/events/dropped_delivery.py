"""Events that never arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mockehr.quirks.base import Act, quirk


@quirk("dropped-delivery", family="events", ledger=("F2",), channels=("webhook",))
@dataclass(frozen=True, slots=True)
class DroppedDelivery:
    """An event is counted as delivered and never sent. Nothing tells the receiver.

    Coping: reconcile by polling with a watermark.
    """

    def on_deliver(self, delivery: Any, act: Act) -> None:
        """Drop it."""
        delivery.dropped = True
