"""Refresh tokens that are refused while the job runs."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qs

from mockehr.auth.refusal import Refused
from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk

REASONS = ("expired", "rotated", "refused")
_TOLD: Final = MappingProxyType(
    {
        "expired": ("refresh-token-unknown", "The refresh token is over."),
        "rotated": ("refresh-token-used", "The refresh token was used before; all tokens beside it are ended."),
        "refused": ("refresh-token-unknown", "The authorization was withdrawn; the user has to sign in again."),
    }
)


@quirk("refresh-fails", family="auth", ledger=("A3",), channels=("token",))
@dataclass(frozen=True, slots=True)
class RefreshFails:
    """A refresh token that was good is answered `invalid_grant`, and is over for good.

    `reason`: it is `expired`; it was `rotated` and counts as stolen, so that the access tokens of that authorization
    end as well; or it is `refused`, since somebody withdrew the authorization. Coping: do not send it again, let the
    user sign in anew (or say that somebody must), and tell what was left undone.
    """

    reason: str = "expired"

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise ValueError(f"reason is {self.reason!r}; it must be one of {', '.join(REASONS)}")

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """End the refresh token that is sent, and refuse it."""
        form = parse_qs(exchange.body.decode("utf-8", "replace"))
        token = form.get("refresh_token", [""])[0]
        if form.get("grant_type") != ["refresh_token"] or not token:
            act.leave("no refresh")
        elif not act.world.end_renewal(token, family=self.reason != "expired"):
            act.leave("the refresh token is none, or over already")
        else:
            act.why = self.reason
            exchange.result = Refused(*_TOLD[self.reason])
