"""Bodies that end too early."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, one_of, quirk


@quirk("truncated-body", family="wire", ledger=("C5",), channels=("fhir", "files", "feed", "proprietary"))
@dataclass(frozen=True, slots=True)
class TruncatedBody:
    """Only a `share` of the body arrives, then the connection closes: under the full Content-Length, or, with the
    `framing` `chunks`, in chunks of which the last never comes.

    Coping: notice that less came than was promised (RFC 9112 section 8: such an answer is incomplete), and read
    again.
    """

    share: float = 0.5
    framing: str = "length"

    def __post_init__(self) -> None:
        one_of("framing", self.framing, ("length", "chunks"))
        if not 0 <= self.share < 1:
            raise ValueError(f"share is {self.share:g}; it must be from 0 up to, not with, 1")

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Mark where the body is cut."""
        if exchange.reply is not None and exchange.reply.body:
            exchange.effect().cut_at = int(len(exchange.reply.body) * self.share)
            exchange.effect().chunked = self.framing == "chunks"
        else:
            act.leave("no body to cut")
