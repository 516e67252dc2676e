"""Sequence numbers that do not follow one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = ("gap", "repeat", "restart", "backwards")


@quirk("sequence-gap", family="hl7", ledger=("G4",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class SequenceGap:
    """MSH-13 jumps by `by` (`gap`), is that of the message before (`repeat`), begins again at 1 (`restart`), or runs
    `backwards` by one. Messages without a number get one first.

    Coping: wait a little for a small gap, raise an alarm for a big one, and resynchronise rather than drop (HL7 2.3
    chapter 2.23.1).
    """

    form: str = "gap"
    by: int = 9

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Set MSH-13."""
        message = Message(exchange.body)
        told = message.get("MSH-13")
        last = int(act.memory.get("last", 0))
        own = int(told) if told.isdigit() else last + 1
        numbers = {"gap": own + self.by, "repeat": max(own - 1, 1), "restart": 1, "backwards": max(own - 2, 0)}
        wanted = numbers[self.form]
        act.memory["last"] = own
        message.set_bytes("MSH-13", str(wanted).encode())
        exchange.body = bytes(message)
        act.why = f"{wanted} in place of {own}"
