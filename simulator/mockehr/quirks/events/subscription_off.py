"""Subscriptions that the server ends by itself."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.events import Delivery
from mockehr.quirks.base import Act, quirk


@quirk("subscription-off", family="events", ledger=("F6",), channels=("webhook",))
@dataclass(frozen=True, slots=True)
class SubscriptionOff:
    """The server switches an endpoint off, as after failures: it is told nothing more, this event neither.

    A Subscription that stands behind it shows the status that the vendor gives after failures: `error`, or `off`.
    What happens until it is switched on again is not told later. Coping: read the status of one's Subscriptions now
    and then, activate them again, and reconcile by polling what was missed.
    """

    def on_deliver(self, delivery: Delivery, act: Act) -> None:
        """Switch it off, and do not send this one."""
        if not delivery.events:
            act.leave(f"a {delivery.kind} tells of no event")
            return
        delivery.dropped = True
        act.world.switch_off(delivery.hook.name, "switched off by the server")
        act.why = f"{delivery.hook.name} is told nothing more"
