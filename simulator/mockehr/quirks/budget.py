"""A budget of requests in a window of time, and the ways to tell when to come back."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any, Final

RETRY_AFTER: Final = ("seconds", "date", "absent", "zero", "huge", "garbage")
"""How a wait is told: in seconds, as an HTTP date, not at all, as none, as a day, or in words nobody can read."""


def check_retry_after(retry_after: str) -> None:
    """Raise ValueError for a way of telling that there is not."""
    if retry_after not in RETRY_AFTER:
        raise ValueError(f"retry_after is {retry_after!r}; it must be one of {', '.join(RETRY_AFTER)}")


def check_budget(budget: int, per: float, retry_after: str) -> None:
    """Raise ValueError for settings that mean nothing."""
    check_retry_after(retry_after)
    if budget < 0 or per <= 0:
        raise ValueError("budget must not be negative and per must be positive")


def counted(memory: dict[str, Any], key: str, now: float, *, budget: int, per: float) -> tuple[int, int]:
    """Count one request of `key`: how many there were in its window, and, if that is beyond the budget, how many
    seconds are left of it (at least 1; else 0)."""
    start, used = memory.get(key, (now, 0))
    if now - start >= per:
        start, used = now, 0
    memory[key] = (start, used + 1)
    left = max(1, round(start + per - now + 0.5)) if used >= budget else 0
    return used + 1, left


def told_wait(retry_after: str, left: int, now: float) -> str:
    """The value of `Retry-After` for a wait of `left` seconds; empty where none is told (RFC 9110 section 10.2.3)."""
    return {
        "seconds": str(left),
        "date": formatdate(now + left, usegmt=True),
        "absent": "",
        "zero": "0",
        "huge": "86400",
        "garbage": "in a while",
    }[retry_after]
