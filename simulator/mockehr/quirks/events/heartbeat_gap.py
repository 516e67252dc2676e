"""Signs of life that fail to come."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.events import Delivery
from mockehr.quirks.base import Act, quirk


@quirk("heartbeat-gap", family="events", ledger=("F7",), channels=("webhook",), interactions=("heartbeat",))
@dataclass(frozen=True, slots=True)
class HeartbeatGap:
    """A heartbeat is not sent, though the channel is alive.

    Coping: after a period and a half without any notification ask the Subscription's status (`$status`) and the
    events since the last number (`$events`), rather than subscribe anew.
    """

    def on_deliver(self, delivery: Delivery, act: Act) -> None:
        """Do not send it."""
        delivery.dropped = True
