"""Segments that end in something else than a carriage return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

ENDS: Final = {"lf": b"\n", "crlf": b"\r\n", "blank": b"\r\r"}
FORMS: Final = (*ENDS, "no-last", "bare")


@quirk("segment-ends", family="message", ledger=("G5",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class SegmentEnds:
    """Segments end in `lf`, `crlf` or with a `blank` line after each; `no-last` leaves out the last end; `bare` adds
    a segment that is only its name, without any field.

    Coping: take CR, LF and CRLF as ends, pass over empty lines, do not want an end after the last segment (mirth#53,
    simple-hl7#45, hl7parser#2).
    """

    form: str = "lf"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Write the ends anew."""
        act.why = self.form
        if self.form == "no-last":
            exchange.body = exchange.body.removesuffix(b"\r")
        elif self.form == "bare":
            message = Message(exchange.body)
            message.append(b"PV2")
            exchange.body = bytes(message)
        else:
            exchange.body = exchange.body.replace(b"\r", ENDS[self.form])
