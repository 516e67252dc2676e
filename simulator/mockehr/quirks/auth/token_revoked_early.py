"""Tokens that are revoked while they should still be good."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds

WHOSE = ("token", "client", "everybody")


@quirk("token-revoked-early", family="auth", ledger=("A2",), channels=("fhir",))
@dataclass(frozen=True, slots=True)
class TokenRevokedEarly:
    """The first request with an access token that has worked for `after` finds it revoked, long before the end that
    `expires_in` told, as after an administrator's action, a restart or a change of keys.

    `whose` tokens end: that `token` alone, all of its `client`, or those of `everybody`; with `renewals` the refresh
    tokens too. It happens `times` times to each client (0: to every token). The client sees 401 with
    `WWW-Authenticate`. Coping: get a new token whatever `expires_in` said, repeat that request once, lose nothing.
    """

    after: Seconds = 0.0
    times: int = 1
    whose: str = "token"
    renewals: bool = False

    def __post_init__(self) -> None:
        if self.whose not in WHOSE:
            raise ValueError(f"whose is {self.whose!r}; it must be one of {', '.join(WHOSE)}")
        if self.times < 0:
            raise ValueError(f"times is {self.times}; it must be 0 or more")
        if self.renewals and self.whose == "token":
            raise ValueError("renewals end for a client or for everybody, not for a single token")

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Revoke the token that the request carries, before anybody looks at it."""
        bearer = exchange.headers.get("authorization", "")
        age = act.world.age_of(bearer) if bearer else None
        if age is None:
            act.leave("no token that works")
            return
        client = act.world.client_of(bearer)
        happened = act.memory.get(client, 0)
        if self.times and happened >= self.times:
            act.leave(f"happened {happened} times to {client}")
        elif age < self.after:
            act.leave(f"the token has worked for {age:g} of {self.after:g} s")
        else:
            act.memory[client] = happened + 1
            self._revoke(client, bearer, act)

    def _revoke(self, client: str, bearer: str, act: Act) -> None:
        if self.whose == "token":
            ended = act.world.revoke_tokens(authorization=bearer)
        else:
            owner = client if self.whose == "client" else ""
            ended = act.world.revoke_tokens(client=owner, renewals=self.renewals)
        act.why = f"{ended} revoked"
