"""A token endpoint that wants to be spared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange, Reply
from mockehr.fhir.record import encode
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.budget import check_budget, counted, told_wait
from mockehr.quirks.rule import Seconds

BODIES = ("oauth", "html", "empty")
_HTML: Final = b"<!DOCTYPE html><html><head><title>%d</title></head><body><h1>Too many requests</h1></body></html>"


@quirk("token-endpoint-throttled", family="auth", ledger=("A11",), channels=("token",))
@dataclass(frozen=True, slots=True)
class TokenEndpointThrottled:
    """More than `budget` token requests of one client within `per` are answered 429 (or `status` 503), until the
    window is over; whether they would have been granted plays no part.

    `retry_after` says how the wait is told: `seconds`, an HTTP `date`, `absent`, `zero`, `huge` (a day) or `garbage`;
    the `body` is an `oauth` error, the `html` of a gateway, or `empty`.

    Seen: The token endpoint of eClinicalWorks counts into the 250 calls a minute of a practice (its documentation;
    vendors-others.md 3.1). Coping: keep each token as long as it is good, share it among workers, wait as long as
    told or longer each time.
    """

    budget: int = 3
    per: Seconds = 60.0
    retry_after: str = "seconds"
    status: int = 429
    body: str = "oauth"

    def __post_init__(self) -> None:
        check_budget(self.budget, self.per, self.retry_after)
        if self.body not in BODIES:
            raise ValueError(f"body is {self.body!r}; it must be one of {', '.join(BODIES)}")
        if self.status not in (429, 503):
            raise ValueError(f"status is {self.status}; it must be 429 or 503")

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Count the request in the client's window; refuse it when the budget is spent."""
        if exchange.method != "POST":
            act.leave("no token request")
            return
        key = act.world.claimant(exchange) or exchange.peer
        used, left = counted(act.memory, key, act.now, budget=self.budget, per=self.per)
        if not left:
            act.leave(f"{used} of {self.budget}")
            return
        act.why = f"budget of {self.budget} spent, {left} s left"
        exchange.result = self._refusal(left, act.now)

    def _refusal(self, left: int, now: float) -> Reply:
        told = told_wait(self.retry_after, left, now)
        headers = [("Retry-After", told)] if told else []
        if self.body == "html":
            return Reply(self.status, headers, _HTML % self.status, content_type="text/html; charset=utf-8")
        if self.body == "empty":
            return Reply(self.status, headers)
        text = "Too many token requests" if self.status == 429 else "The authorization server is busy"
        body = encode({"error": "temporarily_unavailable", "error_description": text})
        return Reply(self.status, headers, body, content_type="application/json")
