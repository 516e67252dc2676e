"""Feeds that are polled and consumed by reading: what each subscriber has still to be told, and what it was told.

(docs.athenahealth.com, "Changed data subscriptions".) A subscription belongs to an API key and a feed. It sees only
what changes after it was made, each change once, and some minutes late. Nothing here looks into a store.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from mockehr.core.changes import Change
from mockehr.core.errors import UnknownName
from mockehr.events.feed import FEEDS, Feed

KEPT: Final = 100_000
"""Changes of one subscription that are kept, told or not; the oldest go first."""
Status = Literal["ACTIVE", "PARTIAL", "INACTIVE"]


@dataclass(slots=True, eq=False)
class Waiting:
    """A change in the queue of one subscription. Times are site seconds."""

    change: Change
    event: str
    shown_at: float
    """From when on it can be read."""
    processed_at: float | None = None
    """When it was read; None while it was not."""


@dataclass(slots=True)
class Subscribed:
    """What one API key asked of one feed."""

    feed: Feed
    events: dict[str, float] = field(default_factory=dict)
    """Event → from when on it is heard of."""
    queue: deque[Waiting] = field(default_factory=lambda: deque(maxlen=KEPT))


class ChangedFeeds:
    """The feeds of one site, by API key.

    `latency` are the seconds after which a change can be read, `settling` those after which a subscription counts.
    """

    def __init__(self, now: Callable[[], float], *, latency: float = 0.0, settling: float = 0.0) -> None:
        self._now = now
        self._latency = latency
        self._settling = settling
        self._subscribed: dict[tuple[str, str], Subscribed] = {}

    def subscribe(self, key: str, feed: str, event: str = "") -> None:
        """Tell that key of one event of a feed, or of all; raises UnknownName. One that it has already stays."""
        names = self._named(feed, event)
        held = self._subscribed.setdefault((key, feed), Subscribed(FEEDS[feed]))
        for name in names:
            held.events.setdefault(name, self._now() + self._settling)

    def unsubscribe(self, key: str, feed: str, event: str = "") -> None:
        """Tell it of that event, or of any, no more; raises UnknownName. What waits can still be read."""
        names = self._named(feed, event)
        held = self._subscribed.get((key, feed))
        for name in names if held is not None else ():
            held.events.pop(name, None)  # type: ignore[union-attr]

    def events(self, key: str, feed: str) -> list[str]:
        """Events of that feed that the key is told of, in the feed's order; raises UnknownName."""
        names = self._named(feed, "")
        held, now = self._subscribed.get((key, feed)), self._now()
        return [name for name in names if held is not None and held.events.get(name, now + 1) <= now]

    def status(self, key: str, feed: str) -> Status:
        """ACTIVE with all events, PARTIAL with some; raises UnknownName."""
        told = len(self.events(key, feed))
        return "ACTIVE" if told == len(FEEDS[feed].events) else "PARTIAL" if told else "INACTIVE"

    def hear(self, change: Change) -> None:
        """Listener of the change log."""
        now = self._now()
        for held in self._subscribed.values():
            event = held.feed.event_of(change, {name: at for name, at in held.events.items() if at <= now})
            if event:
                held.queue.append(Waiting(change, event, now + self._latency))

    def unprocessed(self, key: str, feed: str) -> list[Waiting]:
        """What that key can read and has not read yet, oldest first."""
        held, now = self._subscribed.get((key, feed)), self._now()
        queue = held.queue if held is not None else ()
        return [one for one in queue if one.processed_at is None and one.shown_at <= now]

    def processed(self, key: str, feed: str, start: float, end: float) -> list[Waiting]:
        """What that key read between two site times, both included, oldest first."""
        held = self._subscribed.get((key, feed))
        queue = held.queue if held is not None else ()
        return [one for one in queue if one.processed_at is not None and start <= one.processed_at <= end]

    def process(self, told: Iterable[Waiting]) -> None:
        """Note that these were read: they are not told again."""
        now = self._now()
        for one in told:
            one.processed_at = now

    def reset(self) -> None:
        """Forget all subscriptions."""
        self._subscribed.clear()

    def _named(self, feed: str, event: str) -> list[str]:
        if feed not in FEEDS:
            raise UnknownName("feed", feed, FEEDS)
        known = FEEDS[feed].events
        if event and event not in known:
            raise UnknownName("event", event, known)
        return [event] if event else list(known)
