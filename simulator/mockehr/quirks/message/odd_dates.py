"""Times that are written in another way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = (
    "date-with-offset", "year-only", "fraction", "degree", "split", "zero", "nines", "iso", "american", "future"
)  # fmt: skip
_MOMENT: Final = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?$")
_DAY: Final = re.compile(rb"(\d{4})(\d\d)(\d\d)$")
_PLACES: Final = {
    "EVN": (2, 6),
    "PID": (7, 29),
    "PV1": (44, 45),
    "OBR": (7, 22),
    "OBX": (14,),
    "TXA": (4, 6),
}


@quirk("odd-dates", family="message", ledger=("G6", "G7"), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class OddDates:
    """Times come as a birth `date-with-offset` of midnight, `year-only`, with a `fraction` of six digits, with the
    old `degree` component (`20260105^D`), `split` into date and time, as `zero` (`00000000`), as `nines`
    (9999-12-31), as `iso` text, `american` (`03/15/2026`), or from a clock an hour ahead (`future`: MSH-7).

    Coping: parse by what is there, keep the precision that was told, and move no birthday by a time zone (rdrf#1995,
    #1996, hl7-parser#23, nHapi#558).
    """

    form: str = "date-with-offset"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Rewrite the times."""
        message = Message(exchange.body)
        changed = 0
        for segment in message.segments:
            for place in self._places(segment.id):
                value = segment.bytes_at(place, 1, 1) or b""
                wanted = self._written(value, message.delimiters.component)
                if wanted != value:
                    segment.set_bytes(wanted, place)
                    changed += 1
        if not changed:
            act.leave("no time in it that could be written so")
            return
        exchange.body = bytes(message)
        act.why = f"{self.form} in {changed} fields"

    def _places(self, segment: str) -> tuple[int, ...]:
        if self.form == "future":
            return (7,) if segment == "MSH" else ()
        return _PLACES.get(segment, ())

    def _written(self, value: bytes, mark: bytes) -> bytes:
        day, moment = _DAY.match(value), _MOMENT.match(value)
        if day:
            year, month, date = day.groups()
            return {
                "date-with-offset": value + b"000000-0500",
                "year-only": year,
                "zero": b"00000000",
                "nines": b"99991231",
                "iso": b"-".join((year, month, date)),
                "american": b"/".join((month, date, year)),
                "degree": value + mark + b"D",
            }.get(self.form, value)
        if not moment:
            return value
        year, month, date, hour, minute, second = moment.groups(b"00")
        if self.form == "future":
            return _an_hour_later(value[:10]) + value[10:]
        clock = b":".join((hour, minute, second))
        return {
            "fraction": value + b".920350", "degree": value + mark + b"S", "split": value[:8] + mark + value[8:],
            "iso": b"-".join((year, month, date)) + b"T" + clock + b"Z",
            "american": b"/".join((month, date, year)) + b" " + clock,
        }.get(self.form, value)  # fmt: skip


def _an_hour_later(hour: bytes) -> bytes:
    """YYYYMMDDHH one hour on; as it is if it is none."""
    try:
        later = datetime.strptime(hour.decode("ascii"), "%Y%m%d%H") + timedelta(hours=1)
    except (ValueError, OverflowError):
        return hour
    return later.strftime("%Y%m%d%H").encode()
