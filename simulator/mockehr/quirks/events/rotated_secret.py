"""Another secret from now on."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.events import Delivery
from mockehr.quirks.base import Act, quirk


@quirk("rotated-secret", family="events", ledger=("F4",), channels=("webhook",))
@dataclass(frozen=True, slots=True)
class RotatedSecret:
    """The site signs with another secret from this delivery on, and tells nobody. Once for each endpoint.

    `secret` is the new one, drawn unless told; `webhook secret` shows it, as the vendor's portal would. With
    `keep_old` the old one signs beside it, where the way to sign can carry both. Coping: refuse what does not verify,
    raise an alarm, fetch the new secret, and let the retries bring what was refused.
    """

    secret: str = ""
    keep_old: bool = False

    def on_deliver(self, delivery: Delivery, act: Act) -> None:
        """Rotate before this delivery is signed."""
        hook = delivery.hook
        if not hook.secret or hook.name in act.memory:
            act.leave("rotated before" if hook.secret else f"{hook.name} has no secret")
            return
        act.memory[hook.name] = True
        secret = self.secret or f"whsec-{act.dice.hex(24)}"
        delivery.hook = act.world.rotate_secret(hook.name, secret, keep_old=self.keep_old)
        act.why = f"{hook.name} is signed for with {secret!r} from now on"
