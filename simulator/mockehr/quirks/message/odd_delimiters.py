"""Delimiters that are not the usual five."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.hl7.delimiters import Delimiters
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, quirk


@quirk("odd-delimiters", family="message", ledger=("G6",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class OddDelimiters:
    """MSH-1 and MSH-2 declare other delimiters, and the message is written with them; a sixth character is the
    truncation character of 2.7 (`|^~\\&#`).

    Coping: read the delimiters from MSH, never assume `|^~\\&`, and do not compare MSH-2 with a constant
    (mirth#3065, prime-reportstream#10655).
    """

    delimiters: str = "$*~\\@"

    def __post_init__(self) -> None:
        given = self.delimiters
        signs = given.isascii() and not any(map(str.isalnum, given))
        if not 5 <= len(given) <= 6 or len(set(given)) != len(given) or not signs:
            raise ValueError(f"delimiters is {given!r}; write five or six different signs, MSH-1 first")

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Translate the message."""
        marks = Delimiters.of(b"MSH" + self.delimiters.encode("ascii") + self.delimiters[:1].encode("ascii"))
        exchange.body = bytes(Message(exchange.body).translate(marks))
        act.why = self.delimiters
