"""Two quotation marks where a value should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, quirk

NULL: Final = b'""'
BLANK: Final = b" "


@quirk("explicit-nulls", family="message", ledger=("G6", "G7"), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class ExplicitNulls:
    """Empty fields of PID up to `last`, which mean "not told", are sent as `""`, which means "delete"; middle names
    as well; `blank` sends a space instead, which means nothing at all.

    Coping: never store two quotation marks; have a rule for who may delete what (arc#998, panates/hl7v2#14,
    HL7-dotnetcore#28).
    """

    last: int = 30
    blank: bool = False

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Fill what is empty."""
        message = Message(exchange.body)
        pid = message.segment("PID")
        if pid is None:
            act.leave("no PID in it")
            return
        wanted = BLANK if self.blank else NULL
        empty = [number for number in range(2, self.last + 1) if not pid.field(number)]
        for number in empty:
            pid.set_bytes(wanted, number)
        if pid.field(5) and not pid.bytes_at(5, 1, 3):
            pid.set_bytes(wanted, 5, 1, 3)
        exchange.body = bytes(message)
        act.why = f"{wanted.decode()} in {len(empty)} fields of PID"
