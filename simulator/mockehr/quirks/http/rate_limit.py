"""429, with every way there is to say when to come back."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds

VARIANTS = ("seconds", "date", "absent", "zero", "huge")


@quirk("rate-limit", family="http", ledger=("C1", "C2"), channels=("fhir", "token", "files"))
@dataclass(frozen=True, slots=True)
class RateLimit:
    """More than `budget` requests of one client within `per` seconds are answered 429, until the window is over.

    `retry_after` says how the wait is told: `seconds`, an HTTP `date`, `absent`, `zero`, or `huge` (a day). `status`
    may be 503. Coping: wait as long as told, back off exponentially with jitter where nothing is told, count the
    budget per site.
    """

    budget: int = 60
    per: Seconds = 60.0
    retry_after: str = "seconds"
    status: int = 429

    def __post_init__(self) -> None:
        if self.retry_after not in VARIANTS:
            raise ValueError(f"retry_after is {self.retry_after!r}; it must be one of {', '.join(VARIANTS)}")
        if self.budget < 0 or self.per <= 0:
            raise ValueError("budget must not be negative and per must be positive")

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Count the request in the client's window; refuse it when the budget is spent."""
        bearer = exchange.headers.get("authorization", "")
        key = (act.world.client_of(bearer) if bearer else "") or exchange.peer
        start, used = act.memory.get(key, (act.now, 0))
        if act.now - start >= self.per:
            start, used = act.now, 0
        act.memory[key] = (start, used + 1)
        if used < self.budget:
            act.leave(f"{used + 1} of {self.budget}")
            return
        left = max(1, round(start + self.per - act.now + 0.5))
        told = {
            "seconds": str(left),
            "date": formatdate(act.now + left, usegmt=True),
            "absent": "",
            "zero": "0",
            "huge": "86400",
        }[self.retry_after]
        act.why = f"budget of {self.budget} spent, {left} s left"
        exchange.result = Problem(self.status, "rate-limited", "Too many requests", retry_after=told)
