"""A site that has forgotten its client."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.auth.refusal import Refused
from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk


@quirk("registration-lost", family="auth", ledger=("A7",), channels=("token", "authorize"))
@dataclass(frozen=True, slots=True)
class RegistrationLost:
    """The site knows the client no more, as after its test system was copied over or the registration given a new id:
    token requests are answered `invalid_client`, browsers see an error page. With `tokens` those issued end as well.

    Other sites are not concerned. Coping: keep credentials by site, stop here and say so, go on elsewhere; what works
    at another site is no credential for this one.
    """

    tokens: bool = True

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Refuse whoever says who it is."""
        client = act.world.claimant(exchange)
        if not client:
            act.leave("nobody says who asks")
            return
        ended = act.world.revoke_tokens(client=client, renewals=True) if self.tokens else 0
        act.why = f"{ended} tokens ended" if ended else ""
        exchange.result = Refused("client-unknown", f"No client {client!r} is registered here.")
