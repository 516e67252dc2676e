"""Numbers of events that nobody gave."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.events import Delivery
from mockehr.quirks.base import Act, quirk


@quirk("event-number-gap", family="events", ledger=("F7",), channels=("webhook",))
@dataclass(frozen=True, slots=True)
class EventNumberGap:
    """An endpoint's events skip `numbers` numbers, though nothing was lost: no event carries them, `$events` neither.

    A gap that does stand for lost events is what `dropped-delivery` leaves. Coping: on a gap ask (`$events`, or a
    poll), then go on: a number that nobody can tell of is given up, and no event behind it waits for it.
    """

    numbers: int = 1

    def __post_init__(self) -> None:
        if self.numbers < 1:
            raise ValueError(f"numbers is {self.numbers}; it must be 1 or more")

    def on_deliver(self, delivery: Delivery, act: Act) -> None:
        """Let this event and all that follow have higher numbers."""
        if not delivery.events or delivery.copy or delivery.attempt > 1:
            act.leave("told before" if delivery.events else f"a {delivery.kind} has no number")
            return
        first = delivery.events[0].number
        delivery.events = act.world.skip_event_numbers(delivery.hook.name, delivery.events, self.numbers)
        delivery.told += self.numbers
        act.why = f"number {first + self.numbers} follows {first - 1}"
