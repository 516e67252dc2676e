"""OBX-5 that is not of the type that OBX-2 says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = {
    "missing": b"", "unknown": b"String", "comparator": b"NM", "words": b"NM", "comma": b"NM", "zeros": b"NM",
    "structured": b"SN",
}  # fmt: skip


@quirk("wrong-types", family="message", ledger=("G7",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class WrongTypes:
    """Numbers (OBX of type NM) come with OBX-2 `missing` or `unknown`, as NM with a `comparator` in it (`<5`), as NM
    with `words` (`5.1 H`), with a `comma` (`5,1`), with leading `zeros` (`005.1`), or `structured` as SN
    without components.

    Coping: look at the value before trusting its type; keep what cannot be read as text, and file no zero (nHapi#63,
    trusted-intermediary#1454).
    """

    form: str = "comparator"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Rewrite type and value."""
        message = Message(exchange.body)
        changed = 0
        for segment in message.all("OBX"):
            value = segment.field(5)
            if segment.field(2) == b"NM" and value:
                segment.set_bytes(FORMS[self.form], 2)
                segment.set_bytes(self._written(value), 5)
                changed += 1
        if not changed:
            act.leave("no number in it")
            return
        exchange.body = bytes(message)
        act.why = f"{self.form} in {changed} results"

    def _written(self, value: bytes) -> bytes:
        if self.form in ("comparator", "structured"):
            return b"<" + value
        if self.form == "words":
            return value + b" H"
        if self.form == "zeros":
            return b"00" + value
        if self.form == "comma":
            whole, point, rest = value.partition(b".")
            return whole + b"," + (rest if point else b"0")
        return value
