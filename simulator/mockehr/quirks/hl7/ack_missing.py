"""Messages that nobody acknowledges."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk


@quirk("ack-missing", family="hl7", ledger=("G2",), channels=("mllp-in",))
@dataclass(frozen=True, slots=True)
class AckMissing:
    """The message is taken and applied, no acknowledgement comes, the connection stays open.

    Coping: wait no longer than a bound, then send the same message with the same MSH-10 again, and be ready for an
    answer to either (simple-hl7#89, mirth#637).
    """

    def on_ack(self, exchange: Exchange, act: Act) -> None:
        """Say nothing."""
        reply = exchange.reply
        if reply is None or not reply.body:
            act.leave("nobody asked for one")
            return
        reply.body = b""
