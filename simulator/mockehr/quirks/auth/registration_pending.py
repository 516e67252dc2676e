"""A registration that takes its time to come into force."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.auth.refusal import Refused
from mockehr.core.clock import instant
from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds


@quirk("registration-pending", family="auth", ledger=("A13",), channels=("token", "authorize"))
@dataclass(frozen=True, slots=True)
class RegistrationPending:
    """The client is known and not active yet, for `lasts` on the site's clock from when it is first seen (Epic: up to
    12 hours until a change of an app has come to a site). To count from arming give the rule a window
    (`when: {window: [0s, 12h]}`) and a longer `lasts`.

    Token requests are answered `invalid_client`, browsers see an error page. Coping: say that the site has yet to let
    the client in, look again after a good while, do not hammer.
    """

    lasts: Seconds = 12 * 3600.0

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Refuse the client until its time has come."""
        client = act.world.claimant(exchange)
        if not client:
            act.leave("nobody says who asks")
            return
        until = act.memory.setdefault(client, act.now) + self.lasts
        if act.now >= until:
            act.leave(f"{client} is active")
            return
        act.why = f"until {instant(until)}"
        exchange.result = Refused("client-inactive", f"The client {client!r} is not active.")
