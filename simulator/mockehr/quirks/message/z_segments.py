"""Segments that no standard knows."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.hl7.delimiters import DEFAULT, translate
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, quirk


@quirk("z-segments", family="message", ledger=("G7",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class ZSegments:
    """Segments of the site's own stand behind the first segment named `after`, in groups too, and one of the
    standard's that the message does not have by its grammar (`CON`) at the end.

    Coping: pass over and keep what is not known (mirth#451, hl7apy#89, nifi#3494).
    """

    after: str = "PID"
    segments: tuple[str, ...] = ("ZPD||MYCH~Post||ACTIVATED|||Y", "Z01|1|A&B^C")
    unknown_standard: bool = True

    def __post_init__(self) -> None:
        wrong = [one for one in self.segments if len(one) < 3 or not one.isascii() or "\r" in one]
        if wrong:
            raise ValueError(f"segments has {wrong[0]!r}; write a segment such as ZPD||1")

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Insert them."""
        message = Message(exchange.body)
        place = next((n for n, one in enumerate(message.segments, 1) if one.id == self.after), len(message.segments))
        for number, text in enumerate(self.segments):
            message.insert(place + number, translate(text.encode("ascii"), DEFAULT, message.delimiters))
        if self.unknown_standard:
            message.append(translate(b"CON|1|||||||||||A", DEFAULT, message.delimiters))
        exchange.body = bytes(message)
        act.why = f"{len(self.segments)} after {self.after}"
