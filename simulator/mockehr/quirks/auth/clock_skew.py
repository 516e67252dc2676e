"""A server whose clock is off."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds


@quirk("clock-skew", family="auth", ledger=("A10",), channels=("token",))
@dataclass(frozen=True, slots=True)
class ClockSkew:
    """The authorization server's clock is `by` ahead of the site's, or `behind` it; its `Date` header shows it.

    Assertions that are right by the client's clock are refused with `invalid_client`: expired, or too far
    ahead. Times are looked at even beside a clock that stands still. Coping: read `Date` of the refusal and sign
    once more by that clock, or stop and say so; never send the same assertion again and again.
    """

    by: Seconds = 600.0
    behind: bool = False

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Have this request judged by the other clock."""
        offset = -self.by if self.behind else self.by
        exchange.notes["auth"] = {**exchange.notes.get("auth", {}), "clock_offset": offset, "check_times": True}
        act.why = f"{self.by:g} s {'behind' if self.behind else 'ahead'}"
