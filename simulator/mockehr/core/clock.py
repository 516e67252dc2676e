"""A site's clock. The only place that reads the machine's time.

Modes: `real` (follows the wall clock, at any scale) and `stepped` (frozen until told to advance). Work that falls
due is scheduled here and fires in order of its due time, then in order of scheduling.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from typing import Final

LATEST = 253_402_300_799.0
"""The last second that a date can be written of: 9999-12-31T23:59:59Z."""

FASTEST = 1_000_000.0
"""The highest scale of a clock: a day in less than a tenth of a second."""

STEPPED_START = 1_767_614_400.0
"""Where a stepped clock starts unless told: 2026-01-05T12:00:00Z, a Monday at noon."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What `advance` did: work that fired, in order, and what still waits."""

    now: float
    fired: tuple[str, ...]
    pending: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How a clock runs, so that another one can run alike: it shows `base` at the machine's time `anchor`."""

    base: float
    anchor: float
    scale: float
    frozen: bool


@dataclass(slots=True)
class _Due:
    at: float
    label: str
    action: Callable[[], None]
    cancelled: bool = False


class Clock:
    """Seconds since 1970 UTC, as floats, for one site.

    `start` is the site's time at creation (None: the wall clock now, or STEPPED_START when stepped).
    """

    def __init__(self, *, stepped: bool = False, start: float | None = None, scale: float = 1.0) -> None:
        self._queue: list[tuple[float, int, _Due]] = []
        self._order = count()
        self._frozen = stepped
        self._scale = scale
        self._anchor = time.time()
        self._base = start if start is not None else (STEPPED_START if stepped else self._anchor)
        self._watchers: list[Callable[[], None]] = []

    @property
    def frozen(self) -> bool:
        """True while time only moves by `advance`."""
        return self._frozen

    def now(self) -> float:
        """The site's time in seconds since 1970 UTC."""
        if self._frozen:
            return self._base
        now = self._base + (time.time() - self._anchor) * self._scale
        return now if now < LATEST else LATEST

    def freeze(self) -> None:
        """Stop the clock where it stands."""
        self._base = self.now()
        self._frozen = True

    def run(self, *, scale: float = 1.0) -> None:
        """Let the clock follow the wall clock from its present time, `scale` times as fast."""
        if not 0 < scale <= FASTEST:
            raise ValueError(f"a clock's scale must be positive and at most {FASTEST:.0f}, got {scale}")
        self._base = self.now()
        self._anchor = time.time()
        self._scale = scale
        self._frozen = False
        self._tell()

    def set(self, at: float) -> Settled:
        """Move forward to `at` (seconds since 1970), firing what falls due; raises ValueError if it is past."""
        return self.advance(at - self.now())

    def advance(self, seconds: float) -> Settled:
        """Move forward, firing all that falls due in order; work may schedule more work.

        Within each firing `now()` is that work's own due time. Raises ValueError on a negative span and on one that
        ends after the year 9999. Work that raises ends the advance at its own due time.
        """
        if seconds < 0:
            raise ValueError(f"time does not run backwards: advance({seconds})")
        if not self.now() + seconds <= LATEST:
            raise ValueError(f"advance({seconds}) would leave the calendar, which ends with the year 9999")
        was_frozen = self._frozen
        target = self.now() + seconds
        self._frozen = True
        fired: list[str] = []
        try:
            while self._queue and self._queue[0][0] <= target:
                at, _, due = heapq.heappop(self._queue)
                if due.cancelled:
                    continue
                self._base = max(self._base, at)
                fired.append(due.label)
                due.action()
            self._base = max(self._base, target)  # work may have advanced it further
        finally:
            if not was_frozen:
                self._anchor = time.time()
                self._frozen = False
        return Settled(self._base, tuple(fired), self.pending())

    def schedule(self, at: float, action: Callable[[], None], label: str) -> Callable[[], None]:
        """Run `action` when the clock reaches `at`; returns a function that cancels it."""
        due = _Due(at, label, action)
        heapq.heappush(self._queue, (at, next(self._order), due))
        self._tell()

        def cancel() -> None:
            due.cancelled = True

        return cancel

    def next_due(self) -> float | None:
        """When the next work falls due, in site seconds; None if nothing waits."""
        while self._queue and self._queue[0][2].cancelled:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def wait_for(self, at: float) -> float | None:
        """Wall seconds from now until the site's time is `at`; None while the clock is frozen."""
        return None if self._frozen else max(0.0, (at - self.now()) / self._scale)

    def pace(self) -> Pace:
        """How this clock runs at present."""
        return Pace(self._base, self._anchor, self._scale, self._frozen)

    def keep(self, pace: Pace) -> None:
        """Run exactly as another clock of this machine does. Nothing fires by that; what fell due fires as ever."""
        self._base, self._anchor, self._scale, self._frozen = pace.base, pace.anchor, pace.scale, pace.frozen
        self._tell()

    def fire_due(self) -> Settled:
        """Fire what is due now; the edge calls this as wall time passes."""
        return self.advance(0)

    def pending(self) -> int:
        """How much work waits."""
        return sum(1 for _, _, due in self._queue if not due.cancelled)

    def watch(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever something was scheduled or the pace changed."""
        self._watchers.append(listener)

    def clear(self) -> None:
        """Forget all scheduled work."""
        self._queue.clear()

    def _tell(self) -> None:
        for watcher in self._watchers:
            watcher()


def stopwatch() -> float:
    """Monotonic wall seconds, for measuring how long something took (never enters a journal's canonical form)."""
    return time.perf_counter()


@lru_cache(maxsize=1024)
def instant(at: float, *, millis: bool = False) -> str:
    """A FHIR instant in UTC: `2026-01-05T12:00:00Z`, with `.000` when `millis`."""
    stamp = datetime.fromtimestamp(at, UTC)
    return stamp.isoformat(timespec="milliseconds" if millis else "seconds")[:-6] + "Z"


def day(at: float) -> str:
    """The UTC date of `at`: `2026-01-05`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def duration(text: str | int | float) -> float:
    """Seconds from `30s`, `1.5h`, `2d12h`, `250ms`, or a plain number; raises ValueError saying what is allowed."""
    if isinstance(text, (int, float)):
        return float(text)
    rest, total, seen = text.strip().lower(), 0.0, False
    while rest:
        digits = 0
        while digits < len(rest) and (rest[digits].isdigit() or rest[digits] == "."):
            digits += 1
        letters = digits
        while letters < len(rest) and rest[letters].isalpha():
            letters += 1
        unit = rest[digits:letters] or "s"
        if not digits or unit not in _UNITS:
            raise ValueError(
                f"{text!r} is no duration: write a number and one of {', '.join(_UNITS)}, as in 30s or 2d12h"
            )
        if rest[:digits].count(".") > 1 or not rest[:digits].isascii():
            raise ValueError(f"{text!r} is no duration: {rest[:digits]} is no number; write it as in 30s or 2d12h")
        total += float(rest[:digits]) * _UNITS[unit]
        rest, seen = rest[letters:].strip(), True
    if not seen:
        raise ValueError(f"{text!r} is no duration: write a number and a unit, as in 30s")
    return total
