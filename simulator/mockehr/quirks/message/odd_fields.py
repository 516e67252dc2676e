"""Fields that shift, spill over, or never end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = ("shifted", "overlong", "trailing", "padded")


@quirk("odd-fields", family="message", ledger=("G7",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class OddFields:
    """A field of `segment` is left out rather than left empty, so that all behind it shift by one (`shifted`, field
    2); the family name is `overlong` (300 characters); segments end in `trailing` delimiters; values are `padded`
    with blanks.

    Coping: check what a field holds before filing it, cut nothing silently, strip blanks around codes (mirth#1353,
    trusted-intermediary#1207).
    """

    form: str = "padded"
    segment: str = "PID"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Rewrite the segment."""
        message = Message(exchange.body)
        found = message.segment(self.segment)
        if found is None or self.segment == "MSH":
            act.leave(f"no {self.segment} in it")
            return
        marks = message.delimiters
        fields = bytes(found).split(marks.field)
        if self.form == "shifted":
            del fields[2:3]
        elif self.form == "trailing":
            fields += [marks.component * 4, *([b""] * 5)]
        elif self.form == "padded":
            fields = fields[:1] + [b" " + field + b"  " if field else field for field in fields[1:]]
        elif len(fields) > 5:
            fields[5] = b"A" * 300 + fields[5]
        place = next(number for number, one in enumerate(message.segments) if one is found)
        message.remove(found)
        message.insert(place, marks.field.join(fields))
        exchange.body = bytes(message)
        act.why = f"{self.form} {self.segment}"
