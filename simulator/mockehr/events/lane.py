"""One endpoint's way out: what waits for it, what is under way, and whether it is told anything at present."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from mockehr.events.delivery import Delivery, Event
from mockehr.events.hook import Hook

LOGGED: Final = 10_000
"""Events of an endpoint that can be asked for again."""


@dataclass(slots=True)
class Lane:
    """What the outbox knows of one hook."""

    hook: Hook
    ready: deque[Delivery] = field(default_factory=deque)
    behind: list[Delivery] = field(default_factory=list)
    """Held until others have overtaken them."""
    gathered: list[Event] = field(default_factory=list)
    """Events that wait to be told together."""
    under_way: int = 0
    delivered: int = 0
    failed: int = 0
    """Attempts that were not taken."""
    failures: int = 0
    """Failures since the last delivery that was taken."""
    told: int = 0
    """Events until now."""
    paused: bool = False
    """Of order `fifo`: the first is being retried, and the others wait for it."""
    off: str = ""
    """Why nothing is told at present; empty while it is."""
    log: deque[Event] = field(default_factory=lambda: deque(maxlen=LOGGED))
    last_at: float = 0.0
    """Site time of the last delivery that was sent."""

    @property
    def open(self) -> bool:
        """Whether the next delivery may be sent now."""
        if not self.ready or self.off or self.paused:
            return False
        policy = self.hook.policy
        return self.under_way < (1 if policy.order == "fifo" else policy.at_once)

    def overtaken(self) -> list[Delivery]:
        """One more delivery has gone past those that are held; those that all have passed, no longer held."""
        for delivery in self.behind:
            delivery.behind -= 1
        due = [delivery for delivery in self.behind if delivery.behind <= 0]
        self.behind = [delivery for delivery in self.behind if delivery.behind > 0]
        return due
