"""Servers that are strict about client assertions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")


@quirk("assertion-rules", family="auth", ledger=("A10",), channels=("token",))
@dataclass(frozen=True, slots=True)
class AssertionRules:
    """Client assertions are held to rules that are tighter than before: `exp` at most `lifetime` ahead and after
    `iat`, `jti` of at most `jti_length` characters, one of the `algs`, and as `aud` the token URL alone. Settings
    that are 0 or empty change nothing.

    The client sees `invalid_client`, in Epic's dialect without a word of why. Coping: sign as the standard says,
    RS384 or ES384, `exp` within five minutes, a new `jti` each time, `aud` exactly the token URL; never send a
    refused assertion again.
    """

    lifetime: Seconds = 300.0
    jti_length: int = 64
    algs: tuple[str, ...] = ("RS384", "ES384")
    token_url_only: bool = True

    def __post_init__(self) -> None:
        wrong = [name for name in self.algs if name not in ALGORITHMS]
        if wrong:
            raise ValueError(f"algs has {', '.join(map(str, wrong))}; known are {', '.join(ALGORITHMS)}")
        if self.jti_length < 0:
            raise ValueError(f"jti_length is {self.jti_length}; it must be 0 or more")

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Have this request judged by the tighter rules."""
        if b"client_assertion" not in exchange.body:
            act.leave("no assertion")
            return
        rules: dict[str, Any] = {"require_kid": True, "require_typ": True}
        if self.lifetime:
            rules |= {"max_assertion_lifetime": self.lifetime, "bound_whole_lifetime": True}
        if self.jti_length:
            rules["max_jti_length"] = self.jti_length
        if self.algs:
            rules["assertion_algs"] = self.algs
        if self.token_url_only:
            rules["audiences"] = ()
        exchange.notes["auth"] = {**exchange.notes.get("auth", {}), **rules}
        act.why = f"{len(rules)} rules"
