"""429, with every way there is to say when to come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.budget import check_budget, counted, told_wait
from mockehr.quirks.rule import Seconds

_FIRST: Final = " first"
"""In the rule's memory, beside the clients: when the first request came. No client has a blank in its name."""


@quirk("rate-limit", family="http", ledger=("C1", "C2"), channels=("fhir", "token", "files", "feed", "proprietary"))
@dataclass(frozen=True, slots=True)
class RateLimit:
    """More than `budget` requests of one client within `per` seconds are answered 429, until the window is over.

    `retry_after` says how the wait is told: `seconds`, an HTTP `date`, `absent`, `zero`, `huge` (a day) or `garbage`.
    `status` may be 503. With `tightens_after` the budget of everybody is `tightens_to` from so many seconds after the
    first request on: a limit that was met in the sandbox, or yesterday, is none to count on.

    Seen: A practice at eClinicalWorks has 250 calls a minute since 2025-10-07, and no Retry-After is told (its
    documentation; vendors-others.md 3.1); Redox tells two limits in two places (9.1). Coping: wait as long as told,
    back off exponentially with jitter where nothing is told, count the budget per site.
    """

    budget: int = 60
    per: Seconds = 60.0
    retry_after: str = "seconds"
    status: int = 429
    tightens_after: Seconds = 0.0
    tightens_to: int = 0

    def __post_init__(self) -> None:
        check_budget(self.budget, self.per, self.retry_after)
        if not 0 <= self.tightens_to <= self.budget:
            raise ValueError(f"tightens_to is {self.tightens_to}; it must lie in 0..{self.budget}")

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Count the request in the client's window; refuse it when the budget is spent."""
        bearer = exchange.headers.get("authorization", "")
        key = (act.world.client_of(bearer) if bearer else "") or exchange.peer
        budget = self._budget(act)
        used, left = counted(act.memory, key, act.now, budget=budget, per=self.per)
        if not left:
            act.leave(f"{used} of {budget}")
            return
        told = told_wait(self.retry_after, left, act.now)
        act.why = f"budget of {budget} spent, {left} s left"
        exchange.result = Problem(self.status, "rate-limited", "Too many requests", retry_after=told)

    def _budget(self, act: Act) -> int:
        """The budget as it is by now."""
        first = act.memory.setdefault(_FIRST, act.now)
        return self.tightens_to if self.tightens_after and act.now - first >= self.tightens_after else self.budget
