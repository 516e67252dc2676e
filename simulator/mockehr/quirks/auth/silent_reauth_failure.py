"""Token responses that say 200 and give no token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk

BODIES = ("error-body", "html", "missing-token", "missing-type", "empty")
_HTML: Final = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Your session has ended</h1>"
    b'<form method="post"><input name="username"></form></body></html>'
)


@quirk("silent-reauth-failure", family="auth", ledger=("A4",), channels=("token",))
@dataclass(frozen=True, slots=True)
class SilentReauthFailure:
    """The token endpoint answers 200, and its `body` is worth nothing: an `error-body` of OAuth, the `html` of a
    sign-in page, a response without `access_token` (`missing-token`) or without `token_type` (`missing-type`), or
    `empty`.

    Coping: look at what came before using it; never call the API with `Bearer None` or `Bearer undefined`; ask again
    after a pause, a few times.
    """

    body: str = "error-body"

    def __post_init__(self) -> None:
        if self.body not in BODIES:
            raise ValueError(f"body is {self.body!r}; it must be one of {', '.join(BODIES)}")

    def on_reply(self, exchange: Exchange, act: Act) -> None:
        """Spoil a token response; refusals are left alone."""
        reply = exchange.reply
        if reply is None or reply.status != 200 or not (reply.document or {}).get("access_token"):
            act.leave("no token in the answer")
            return
        assert reply.document is not None
        act.why = self.body
        if self.body == "error-body":
            text = "The authorization server is temporarily unable to handle the request"
            reply.document = {"error": "temporarily_unavailable", "error_description": text}
        elif self.body in ("missing-token", "missing-type"):
            lost = "access_token" if self.body == "missing-token" else "token_type"
            reply.document = {name: value for name, value in reply.document.items() if name != lost}
        else:
            reply.document = None
            reply.body = _HTML if self.body == "html" else b""
            reply.content_type = "text/html; charset=utf-8" if self.body == "html" else "application/json"
