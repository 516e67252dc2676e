"""Acknowledgements that come too late."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds


@quirk("ack-late", family="hl7", ledger=("G2",), channels=("mllp-in",))
@dataclass(frozen=True, slots=True)
class AckLate:
    """The message is accepted at once, its acknowledgement comes `delay` seconds later, while the link stays open.

    Coping: match by MSA-2, so that a late ACK is not taken for that of the next message (mirth#1441); be ready to
    have sent a message twice.
    """

    delay: Seconds = 5.0

    def on_ack(self, exchange: Exchange, act: Act) -> None:
        """Delay the acknowledgement."""
        exchange.effect().reply_delay += float(self.delay)
