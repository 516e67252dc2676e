"""429, with every way there is to say when to come back."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.budget import check_budget, counted, told_wait
from mockehr.quirks.rule import Seconds


@quirk("rate-limit", family="http", ledger=("C1", "C2"), channels=("fhir", "token", "files", "feed", "proprietary"))
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
        check_budget(self.budget, self.per, self.retry_after)

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Count the request in the client's window; refuse it when the budget is spent."""
        bearer = exchange.headers.get("authorization", "")
        key = (act.world.client_of(bearer) if bearer else "") or exchange.peer
        used, left = counted(act.memory, key, act.now, budget=self.budget, per=self.per)
        if not left:
            act.leave(f"{used} of {self.budget}")
            return
        told = told_wait(self.retry_after, left, act.now)
        act.why = f"budget of {self.budget} spent, {left} s left"
        exchange.result = Problem(self.status, "rate-limited", "Too many requests", retry_after=told)
