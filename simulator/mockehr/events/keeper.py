"""What an outbox must not forget when its process ends: who was told what, what waits, what was given up.

Where a site's store lasts this is a file beside it (`mockehr.sites.outbox_spool`), else nothing is kept. A delivery
is kept before it is sent and forgotten when it was answered or given up: one that was under way when the process
ended is made again (at least once).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

from mockehr.events.delivery import Delivery, Event, Kind

State = Literal["waiting", "dead"]


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of an endpoint, and why it is told nothing (empty while it is)."""

    told: int = 0
    delivered: int = 0
    failed: int = 0
    failures: int = 0
    off: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A delivery that is to be made, or that is dead: its number, its next attempt (its last one if it is dead)."""

    number: int
    events: tuple[Event, ...]
    kind: Kind = "event"
    attempt: int = 1
    first_at: float = 0.0
    due: float = 0.0
    """Site time before which it is not tried again; 0 where it may be sent at once."""
    state: State = "waiting"
    failure: str = ""
    status: int = 0

    @classmethod
    def of(cls, delivery: Delivery) -> Pending:
        """A delivery that lies ready."""
        return cls(delivery.number, delivery.events, delivery.kind, delivery.attempt, delivery.first_at)

    @classmethod
    def dead(cls, delivery: Delivery) -> Pending:
        """A delivery that nobody makes again by himself, and how its last attempt ended."""
        exchange = delivery.exchange
        return replace(
            cls.of(delivery),
            state="dead",
            failure=str(exchange.notes.get("failure", "")),
            status=exchange.reply.status if exchange.reply is not None else 0,
        )


@dataclass(frozen=True, slots=True)
class Restored:
    """What an earlier process left of one endpoint."""

    counts: Counts = Counts()
    gathered: tuple[Event, ...] = ()
    """Events that waited to be told together."""
    pending: tuple[Pending, ...] = ()
    """In order of their numbers."""


class Keeper(Protocol):
    """Where it is kept. Endpoints go by their names; events and deliveries by their numbers."""

    lasts: bool
    """Whether anything is kept at all: an outbox does not even ask where nothing is."""

    def take_over(self, name: str) -> Restored:
        """What is kept of an endpoint and belongs to no other process that lives; it is this one's from now on."""

    def count(self, name: str, counts: Counts) -> None:
        """What was counted of it by now."""

    def tell(self, name: str, event: Event, *, gathered: bool) -> None:
        """The endpoint has one more event; `gathered`: it waits for others."""

    def events(self, name: str, first: int, last: int | None) -> list[Event]:
        """The events with those numbers, both ends included, of whichever process, as far as they are kept."""

    def put(self, name: str, pending: Pending, *, instead_of: tuple[int, ...] = ()) -> None:
        """A delivery waits or is dead from now on, instead of those; one of its number is replaced."""

    def told(self, name: str, events: tuple[Event, ...]) -> None:
        """Events that were gathered are so no more: a delivery tells of them, or none does."""

    def drop(self, *numbers: int) -> None:
        """Deliveries were answered or given up."""

    def last_number(self) -> int:
        """The highest number that a delivery ever had."""

    def next_number(self) -> int:
        """A number for a delivery that no process has had."""

    def next_event(self, name: str) -> int:
        """A number for an event of that endpoint that no process has had."""

    def era(self) -> int:
        """See `Event.era`: the present one."""

    def keep_era(self, era: int) -> None:
        """That is the present one from now on."""

    def forget(self, name: str) -> None:
        """There is no such endpoint any more."""

    def clear(self, *, keep_number: bool) -> None:
        """Forget everything, and count deliveries from 1 again, unless their number is to be kept."""

    def close(self) -> None:
        """Let go of the file; what is kept may be taken over from now on."""


class NoKeeper:
    """For sites whose store does not last."""

    lasts = False

    def take_over(self, name: str) -> Restored:
        """See Keeper."""
        return Restored()

    def count(self, name: str, counts: Counts) -> None:
        """See Keeper."""

    def tell(self, name: str, event: Event, *, gathered: bool) -> None:
        """See Keeper."""

    def events(self, name: str, first: int, last: int | None) -> list[Event]:
        """See Keeper."""
        return []

    def put(self, name: str, pending: Pending, *, instead_of: tuple[int, ...] = ()) -> None:
        """See Keeper."""

    def told(self, name: str, events: tuple[Event, ...]) -> None:
        """See Keeper."""

    def drop(self, *numbers: int) -> None:
        """See Keeper."""

    def last_number(self) -> int:
        """See Keeper."""
        return 0

    def next_number(self) -> int:
        """See Keeper."""
        return 1

    def next_event(self, name: str) -> int:
        """See Keeper."""
        return 1

    def era(self) -> int:
        """See Keeper."""
        return 0

    def keep_era(self, era: int) -> None:
        """See Keeper."""

    def forget(self, name: str) -> None:
        """See Keeper."""

    def clear(self, *, keep_number: bool) -> None:
        """See Keeper."""

    def close(self) -> None:
        """See Keeper."""
