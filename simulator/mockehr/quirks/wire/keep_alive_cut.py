"""Connections that were kept for the next request, and are gone."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, one_of, quirk
from mockehr.quirks.wire.connection_refused import NOT_DONE


@quirk("keep-alive-cut", family="wire", ledger=("C8",), channels=("fhir", "token", "files", "feed", "proprietary"))
@dataclass(frozen=True, slots=True)
class KeepAliveCut:
    """A connection over which requests came before is closed: `on` the `next` request, which is neither done nor
    answered, or while it is `idle`, right after an answer that did not say so.

    Seen: A gateway of AWS drops what is idle for five minutes (openresty/lua-resty-core#65), Node's server what is
    idle for five seconds (cardstack/boxel#6107, nodejs/node#27363), and a client's pool learns of it from its next
    request; RFC 9112 section 9.5 lets either side close whenever it likes. Coping: connect again and repeat what may
    be repeated; a write may have been done for all that the client knows, so look first, or let If-None-Exist look.
    """

    on: str = "next"

    def __post_init__(self) -> None:
        one_of("on", self.on, ("next", "idle"))

    def takes_part(self, channel: str, capability: str) -> bool:
        """Before anything is done, or when the answer goes out."""
        return capability == ("on_request" if self.on == "next" else "on_wire")

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Do nothing, and close a connection that was used before."""
        if not exchange.turn:
            act.leave("a fresh connection")
            return
        exchange.result = NOT_DONE
        exchange.effect().lost = True
        act.why = f"request {exchange.turn + 1} of its connection"

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Answer, and close behind it."""
        exchange.effect().idle_cut = True
        act.why = "closed behind the answer"
