"""Frames that peers must mend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, one_of, quirk

STARTS: Final = {"no-start": b"", "double-start": b"\x0b\x0b"}
ENDS: Final = {"no-end": b"", "no-cr": b"\x1c", "double-end": b"\x1c\r\x1c\r", "end-lf": b"\x1c\r\n"}
FORMS: Final = (*STARTS, *ENDS, "split", "split-end", "junk-before", "junk-after", "packed")
_JUNK: Final = b"\r\nPING\x00\r\n"


@quirk("broken-frame", family="hl7", ledger=("G5",), channels=("mllp-out", "mllp-in"))
@dataclass(frozen=True, slots=True)
class BrokenFrame:
    """The frame has `no-start` (0B) or a `double-start`, `no-end` (1C 0D), `no-cr`, a `double-end` or `end-lf`; it
    is `split` into pieces of `octets`, or between 1C and 0D (`split-end`), has `junk-before` or `junk-after`, or
    goes out in one write with the next message (`packed`, messages only).

    Coping: take frames from a stream of octets and not from reads, look for the next 0B after anything odd, lose no
    message that follows (mirth#830, #1447, camel#26259, elixir-mllp#62).
    """

    form: str = "split"
    octets: int = 7

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)
        if self.octets < 1:
            raise ValueError(f"octets is {self.octets}; it must be at least 1")

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Mark how the frame is written."""
        effects = exchange.effect()
        act.why = self.form
        if self.form in STARTS:
            effects.start = STARTS[self.form]
        elif self.form in ENDS:
            effects.end = ENDS[self.form]
        elif self.form.startswith("split"):
            effects.split = self.octets if self.form == "split" else -1
        elif self.form == "junk-before":
            effects.prefix += _JUNK
        elif self.form == "junk-after":
            effects.suffix += _JUNK
        elif exchange.channel == "mllp-out":
            effects.packed = True
        else:
            act.leave("an acknowledgement has no next message to go with")
