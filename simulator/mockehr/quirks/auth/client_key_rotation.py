"""A server that does not learn of a client's new key for a long while."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds


@quirk("client-key-rotation", family="auth", ledger=("A8",), channels=("token",))
@dataclass(frozen=True, slots=True)
class ClientKeyRotation:
    """The server keeps its copy of a client's key set (`jwks_uri`) for `cached` on its clock and never looks again
    before: assertions by a new key are refused with `invalid_client` until then, and afterwards those by a key that
    was taken away.

    Clients whose keys are registered instead of their URL see no difference. Coping: publish the new key beside the
    old one, go on signing with the old one until the new one is accepted, then take the old one away.
    """

    cached: Seconds = 86400.0

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Have this request judged by the copy."""
        if b"client_assertion" not in exchange.body:
            act.leave("no assertion")
            return
        exchange.notes["auth"] = {**exchange.notes.get("auth", {}), "jwks_ttl": self.cached, "jwks_refetch": False}
        act.why = f"key sets are kept for {self.cached:g} s"
