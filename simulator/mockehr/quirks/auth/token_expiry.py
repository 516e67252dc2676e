"""Tokens that die in the middle of the job."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mockehr.auth.tokens import Grant
from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds


@quirk("token-expiry", family="auth", ledger=("A1",), channels=("fhir", "files", "feed", "proprietary", "token"))
@dataclass(frozen=True, slots=True)
class TokenExpiry:
    """Access tokens die `after` that many seconds, or after `uses` requests, whichever comes first (0: not at all).

    A shorter life is announced in `expires_in`; death by `uses` is not. The client sees 401 with `WWW-Authenticate`
    on a request that worked a moment ago, and so it does in the middle of an export, on a poll or a file. Coping: get
    a new token, repeat that request once, lose nothing.
    """

    after: Seconds = 0.0
    uses: int = 0

    def takes_part(self, channel: str, capability: str) -> bool:
        """`after` is about tokens being issued, `uses` about requests that carry one."""
        return bool(self.after) if capability == "on_grant" else bool(self.uses) and channel != "token"

    def on_grant(self, grant: Grant, act: Act) -> Grant:
        """Shorten the life of a token about to be issued."""
        act.why = f"lives {self.after:g} s"
        ends = min(grant.expires_at, act.now + self.after)
        return replace(grant, expires_at=ends, announced=max(1, int(ends - grant.issued_at)))

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Count the uses of the bearer token; the one after the last is refused, and so is every later one."""
        bearer = exchange.headers.get("authorization", "")
        if not bearer:
            act.leave("no token")
            return
        used = act.memory[bearer] = act.memory.get(bearer, 0) + 1
        act.why = f"use {used} of {self.uses}"
        if used <= self.uses:
            act.leave(act.why)
        else:
            exchange.result = Problem(401, "token-invalid", "The access token expired", value="expired")
