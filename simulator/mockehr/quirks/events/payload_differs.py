"""Less or more in a notification than was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.events import Delivery
from mockehr.events.form import forms
from mockehr.events.hook import Payload
from mockehr.quirks.base import Act, one_of, quirk


@quirk("payload-differs", family="events", ledger=("F5",), channels=("webhook",))
@dataclass(frozen=True, slots=True)
class PayloadDiffers:
    """A notification carries another `payload` than the endpoint asked for: `empty`, `id-only` or `full`.

    Forms that cannot carry it are left alone. Coping: take a resource from a notification only if it is there, fetch
    it by id where only that is told, and poll where not even that is.
    """

    payload: Payload = "id-only"

    def __post_init__(self) -> None:
        one_of("payload", self.payload, ("empty", "id-only", "full"))

    def on_deliver(self, delivery: Delivery, act: Act) -> None:
        """Carry something else."""
        if not delivery.events or delivery.payload == self.payload:
            act.leave(f"carries {delivery.payload if delivery.events else 'nothing'} anyway")
        elif self.payload not in forms().get(delivery.hook.form).payloads:
            act.leave(f"{delivery.hook.form} cannot carry {self.payload}")
        else:
            act.why = f"{self.payload}, not {delivery.payload}"
            delivery.payload = self.payload
