"""One endpoint's way out: what waits for it, what is under way, and whether it is told anything at present."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from mockehr.events.delivery import Delivery, Event
from mockehr.events.hook import Hook
from mockehr.events.keeper import Counts

LOGGED: Final = 10_000
"""Events of an endpoint that can be asked for again."""


@dataclass(slots=True)
class Lane:
    """What the outbox knows of one hook."""

    hook: Hook
    ready: deque[Delivery] = field(default_factory=deque)
    behind: list[Delivery] = field(default_factory=list)
    """Held until others have overtaken them."""
    late: dict[Delivery, None] = field(default_factory=dict)
    """Held until their time has come, in the order in which they were drawn up."""
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
    """The newest events of this process; `Outbox.events` also knows those of earlier ones."""
    untold: deque[int] = field(default_factory=lambda: deque(maxlen=LOGGED))
    """Numbers of events that were not told, since nothing was at that time."""
    last_at: float = 0.0
    """Site time of the last delivery that was sent."""

    @property
    def open(self) -> bool:
        """Whether the next delivery may be sent now."""
        if not self.ready or self.off or self.paused:
            return False
        policy = self.hook.policy
        return self.under_way < (1 if policy.order == "fifo" else policy.at_once)

    @property
    def waiting(self) -> int:
        """Deliveries that are ready to be sent, or held by a rule."""
        return len(self.ready) + len(self.behind) + len(self.late)

    @property
    def counts(self) -> Counts:
        """What is counted of it."""
        return Counts(self.told, self.delivered, self.failed, self.failures, self.off)

    def count_on(self, counts: Counts) -> None:
        """Go on from there."""
        self.told, self.delivered, self.failed = counts.told, counts.delivered, counts.failed
        self.failures, self.off = counts.failures, counts.off

    def empty(self) -> list[Delivery]:
        """Take out all that waits, in order of numbers; what was gathered is forgotten."""
        found = sorted((*self.ready, *self.behind, *self.late), key=lambda delivery: delivery.number)
        for queue in (self.ready, self.behind, self.late, self.gathered):
            queue.clear()
        return found

    def overtaken(self) -> list[Delivery]:
        """One more delivery has gone past those that are held; those that all have passed, no longer held."""
        for delivery in self.behind:
            delivery.behind -= 1
        due = [delivery for delivery in self.behind if delivery.behind <= 0]
        self.behind = [delivery for delivery in self.behind if delivery.behind > 0]
        return due
