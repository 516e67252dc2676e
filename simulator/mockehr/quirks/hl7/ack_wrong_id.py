"""Acknowledgements for another message."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk


@quirk("ack-wrong-id", family="hl7", ledger=("G2",), channels=("mllp-in",))
@dataclass(frozen=True, slots=True)
class AckWrongId:
    """MSA-2 names the message before this one (or nothing known, for the first).

    Coping: compare MSA-2 with MSH-10 of what was sent (mirth#2113), treat a stranger as no acknowledgement.
    """

    def on_ack(self, exchange: Exchange, act: Act) -> None:
        """Put the previous control id where this one's belongs."""
        current = str(exchange.notes.get("control_id", ""))
        previous = str(act.memory.get("previous", "UNKNOWN"))
        act.memory["previous"] = current
        reply = exchange.reply
        if reply is None or not reply.body or not current:
            act.leave("no acknowledgement with an id")
            return
        segments = reply.body.split(b"\r")
        for position, segment in enumerate(segments):
            if segment.startswith(b"MSA"):
                segments[position] = segment.replace(current.encode(), previous.encode(), 1)
        reply.body = b"\r".join(segments)
        act.why = f"names {previous} in place of {current}"
