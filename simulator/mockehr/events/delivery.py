"""One attempt to tell one endpoint of something, and what rules may do to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mockehr.core.changes import Change
from mockehr.core.exchange import Exchange
from mockehr.events.hook import Hook, Payload

Kind = Literal["event", "handshake", "heartbeat", "replay"]
"""`replay`: what was sent before, to the octet, as somebody who recorded it sends it; it is not tried again."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change that an endpoint is told of. `number` counts the events of that endpoint, from 1.

    `era` counts how often the site went back to a snapshot: afterwards changes have numbers that others had.
    """

    number: int
    change: Change
    topic: str = ""
    era: int = 0

    @property
    def id(self) -> str:
        """The event's own, the same for every endpoint and in every delivery."""
        return f"evt-{self.change.number}" if not self.era else f"evt-{self.era}.{self.change.number}"


@dataclass(slots=True, eq=False)
class Delivery:
    """One attempt. Rules act on it at `on_deliver`, before it is written and signed; what they may set comes last."""

    hook: Hook
    events: tuple[Event, ...]
    """None for a handshake and a heartbeat, several in a batch; in the order in which they happened."""
    number: int
    attempt: int
    exchange: Exchange
    kind: Kind = "event"
    first_at: float = 0.0
    """Site time of the first attempt."""
    told: int = 0
    """Events of this endpoint until then (`eventsSinceSubscriptionStart`)."""
    copy: bool = False
    """A further delivery of what was delivered already, which no rule multiplies."""
    payload: Payload = "id-only"
    """What it carries: as the hook has it, unless a rule says otherwise."""
    copies: int = 0
    copies_apart: float = 0.0
    dropped: bool = False
    late: float = 0.0
    """Seconds of site time that it is kept back."""
    behind: int = 0
    """How many later deliveries to the same endpoint overtake it."""
    secret: str | None = None
    """Signs in place of the hook's secret."""
    signed_ago: float = 0.0
    """Seconds by which the signature is older than the delivery."""

    @property
    def id(self) -> str:
        """Of the message: the same in every attempt and every copy."""
        return "+".join(event.id for event in self.events) or f"{self.kind}-{self.number}"

    @property
    def change(self) -> Change | None:
        """The change that its first event is about."""
        return self.events[0].change if self.events else None
