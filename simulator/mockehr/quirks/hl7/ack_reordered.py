"""Acknowledgements that overtake one another."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.hl7.frame import frame
from mockehr.quirks.base import Act, quirk


@quirk("ack-reordered", family="hl7", ledger=("G2",), channels=("mllp-in",))
@dataclass(frozen=True, slots=True)
class AckReordered:
    """The acknowledgement of a message waits until the next one of the same peer is acknowledged, and comes behind
    it.

    Coping: send several messages without waiting only if answers are matched by MSA-2; else wait, and send again
    (mirth#2070, #2071). If no message follows, the acknowledgement never comes.
    """

    def on_ack(self, exchange: Exchange, act: Act) -> None:
        """Hold it back, or write it behind this one."""
        reply = exchange.reply
        if reply is None or not reply.body:
            act.leave("nobody asked for an acknowledgement")
            return
        held = act.memory.pop(exchange.peer, None)
        if held is None:
            act.memory[exchange.peer] = reply.body
            reply.body = b""
            act.why = "held back"
        else:
            exchange.effect().suffix += frame(held)
            act.why = "the one before comes behind it"
