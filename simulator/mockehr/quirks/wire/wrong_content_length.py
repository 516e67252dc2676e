"""A Content-Length that is not that of the body."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, one_of, quirk


@quirk("wrong-content-length", family="wire", ledger=("C5",), channels=("fhir", "files", "feed", "proprietary"))
@dataclass(frozen=True, slots=True)
class WrongContentLength:
    """The head tells a Content-Length that is `by` octets more than the body has, or, negative, less.

    Told too much, the connection `then` `closes` behind the body, or `hangs`, so that the client waits for octets
    that never come. Told too little, the body seems to be cut, and its rest lies before the next answer.

    Seen: No EHR's is on record. Proxies that change a body and not its length are (haga-rak/fluxzy.core#497, where
    clients wait for ever; http-party/node-http-proxy#1597, chimurai/http-proxy-middleware#268). RFC 9112 section 6.3
    says what a client may make of it. Coping: notice what is missing and ask again; throw away a connection on which
    octets lie that nobody asked for.
    """

    by: int = 10
    then: str = "closes"

    def __post_init__(self) -> None:
        if not self.by:
            raise ValueError("by is 0; it must be more or less than that")
        one_of("then", self.then, ("closes", "hangs"))

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Tell another length."""
        size = len(exchange.reply.body) if exchange.reply is not None else 0
        if not size or exchange.method == "HEAD":
            act.leave("no body to measure")
            return
        effects = exchange.effect()
        effects.misstated = self.by
        effects.hang = self.by > 0 and self.then == "hangs"
        act.why = f"{self.by:+d} octets"
