"""Bodies that end too early."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk


@quirk("truncated-body", family="wire", ledger=("C5",), channels=("fhir", "files", "feed", "proprietary"))
@dataclass(frozen=True, slots=True)
class TruncatedBody:
    """Only a `share` of the body arrives under the full Content-Length, then the connection closes.

    Coping: notice that fewer bytes came than were promised, and read again.
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise ValueError(f"share is {self.share:g}; it must be from 0 up to, not with, 1")

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Mark where the body is cut."""
        if exchange.reply is not None and exchange.reply.body:
            exchange.effect().cut_at = int(len(exchange.reply.body) * self.share)
        else:
            act.leave("no body to cut")
