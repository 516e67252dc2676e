"""Acknowledgements that come more than once."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk


@quirk("ack-duplicate", family="hl7", ledger=("G2",), channels=("mllp-in",))
@dataclass(frozen=True, slots=True)
class AckDuplicate:
    """The same acknowledgement is written `times` times.

    Coping: take an answer by MSA-2, pass over one that answers nothing that waits; who takes the next frame for the
    next answer is off by one for ever (mirth#2070).
    """

    times: int = 2

    def __post_init__(self) -> None:
        if not 2 <= self.times <= 100:
            raise ValueError(f"times is {self.times}; it must be between 2 and 100")

    def on_ack(self, exchange: Exchange, act: Act) -> None:
        """Write it again."""
        if exchange.reply is None or not exchange.reply.body:
            act.leave("nobody asked for an acknowledgement")
            return
        exchange.effect().copies += self.times - 1
