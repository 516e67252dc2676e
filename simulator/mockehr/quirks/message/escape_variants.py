"""Escape sequences as senders really write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.delimiters import Delimiters
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = ("raw", "hex", "doubled", "lone", "entities")
_TEXTS: Final = frozenset({b"ST", b"TX", b"FT"})


@quirk("escape-variants", family="message", ledger=("G6",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class EscapeVariants:
    """Text results (OBX of type ST, TX, FT) and notes (NTE-3) carry: `raw` delimiters that nobody escaped, `hex`
    sequences of one and a half octets (`\\X00d\\`), sequences that were escaped twice (`doubled`), a `lone`
    backslash, or XML `entities`. Texts without anything to escape get ` A & B` at their end first.

    Coping: keep what is no known sequence as it is, and lose no text behind an `&` (nHapi#570, HL7-dotnetcore#53,
    #77, HL7-V2#40, medplum#10551).
    """

    form: str = "raw"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Rewrite the texts."""
        message = Message(exchange.body)
        changed = 0
        for segment in message.segments:
            place = {"OBX": 5, "NTE": 3}.get(segment.id, 0)
            value = segment.field(place) if place else b""
            if not value or (segment.id == "OBX" and segment.field(2) not in _TEXTS):
                continue
            segment.set_bytes(self._written(value, message.delimiters), place)
            changed += 1
        if not changed:
            act.leave("no text in it")
            return
        exchange.body = bytes(message)
        act.why = f"{self.form} in {changed} texts"

    def _written(self, value: bytes, marks: Delimiters) -> bytes:
        mark = marks.escape
        if not mark or mark not in value:
            value += b" A " + mark + b"T" + mark + b" B"
        ampersand, caret, line = (mark + letter + mark for letter in (b"T", b"S", b".br"))
        if self.form == "raw":
            return value.replace(ampersand, marks.subcomponent).replace(caret, marks.component)
        if self.form == "hex":
            half, whole, feed = (mark + letter + mark for letter in (b"X00d", b"X000d", b"X0A"))
            return value.replace(line, half) + whole + feed
        if self.form == "doubled":
            return value.replace(mark, mark + b"E" + mark) if mark else value
        if self.form == "lone":
            return value + b" BSV 4" + mark + b"5 re."
        return value.replace(ampersand, b"&amp;") + b" &lt;5"
