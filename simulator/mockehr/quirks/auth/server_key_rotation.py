"""A server that signs with new keys from one token to the next."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.auth.tokens import Grant
from mockehr.quirks.base import Act, quirk


@quirk("server-key-rotation", family="auth", ledger=("A9",), channels=("token",))
@dataclass(frozen=True, slots=True)
class ServerKeyRotation:
    """After every `tokens` tokens the server signs id_tokens and JWT access tokens with new keys; those before stay
    published as long as ever, or vanish at once without `keep_previous`.

    The client sees a `kid` that it does not know. Coping: fetch the server's key set again, once for each such `kid`,
    not at every token; what then still cannot be verified is not accepted.
    """

    tokens: int = 1
    keep_previous: bool = True

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise ValueError(f"tokens is {self.tokens}; it must be 1 or more")

    def on_grant(self, grant: Grant, act: Act) -> None:
        """Count the token about to be issued; change the keys before it is signed, if it is time."""
        issued = act.memory.get("issued", 0)
        act.memory["issued"] = issued + 1
        if not issued or issued % self.tokens:
            act.leave(f"{issued} tokens were issued, the keys change every {self.tokens}")
            return
        act.world.rotate_signing_keys(keep_previous=self.keep_previous)
        act.why = "the keys before stay published" if self.keep_previous else "the keys before are gone"
