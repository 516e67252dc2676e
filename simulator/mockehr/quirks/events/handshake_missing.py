"""Handshakes that fail to come."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.events import Delivery
from mockehr.quirks.base import Act, quirk


@quirk("handshake-missing", family="events", ledger=("F7",), channels=("webhook",), interactions=("handshake",))
@dataclass(frozen=True, slots=True)
class HandshakeMissing:
    """The handshake that begins a subscription is not sent, so that the endpoint never agrees to it.

    Coping: read the Subscription's status after it was created, and ask for activation again while it is not
    `active`.
    """

    def on_deliver(self, delivery: Delivery, act: Act) -> None:
        """Do not send it."""
        delivery.dropped = True
