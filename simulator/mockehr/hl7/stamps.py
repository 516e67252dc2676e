"""HL7 times (TS, DTM, DT) from and to site seconds and FHIR's date types.

Text without an offset is the hospital's local time; a simulated hospital lives in UTC unless its dialect names an
offset, so local time without an offset is read as UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, Literal

Precision = Literal["day", "minute", "second", "milli", "packed"]
_TS: Final = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?)?)?)?([+-]\d{4})?", re.ASCII
)
_FORMATS: Final[dict[Precision, str]] = {
    "day": "%m%d", "minute": "%m%d%H%M", "second": "%m%d%H%M%S", "milli": "%m%d%H%M%S",
    "packed": "%m%d%H%M%S",
}  # fmt: skip
"""What follows the year, to which strftime gives fewer than four digits before 1000."""


@lru_cache(maxsize=256)
def second_stamp(second: int) -> bytes:
    """`YYYYMMDDHHMMSS` in UTC for whole seconds since 1970."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y%m%d%H%M%S").encode()


@lru_cache(maxsize=1024)
def stamp(at: float, precision: Precision = "second", offset: str = "") -> str:
    """Site seconds as HL7 time; with `offset` (`-0500`) in that zone and followed by it."""
    return _write(datetime.fromtimestamp(at, UTC), precision, offset)


@lru_cache(maxsize=4096)
def from_fhir(text: str, precision: Precision = "second", offset: str = "") -> str:
    """A FHIR date, dateTime or instant as HL7 time, no more precise than it was; empty stays empty.

    `2026-01` gives `202601`. Raises ValueError on what is no FHIR date.
    """
    if len(text) <= 10:
        if text and not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", text):
            raise ValueError(f"{text!r} is no FHIR date")
        return text.replace("-", "")
    moment = datetime.fromisoformat(text.replace(":60", ":59", 1) if text[16:19] == ":60" else text)
    return _write(moment if moment.tzinfo else moment.replace(tzinfo=UTC), precision, offset)


def to_fhir(text: str, offset: str = "") -> str:
    """HL7 time as FHIR date or dateTime of the same precision; `offset` is the sender's zone where it names none.

    `198607` gives `1986-07`, `20260105120000-0500` gives `2026-01-05T12:00:00-05:00`. A date keeps no zone, whatever
    follows it. A leap second (60) is told as the second before, which all who reckon with it can read. Raises
    ValueError on what is no HL7 time, no day of the calendar or no zone of FHIR's (beyond 14 hours).
    """
    found = _TS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no HL7 time; expected YYYY[MM[DD[HH[MM[SS[.S]]]]]][+ZZZZ]")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    second = "59" if second == "60" else second
    datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0))
    if hour is None:
        return "-".join(piece for piece in (year, month, day) if piece)
    zone = zone or offset
    if zone and (int(zone[1:]) > 1400 or int(zone[3:]) > 59):
        raise ValueError(f"{zone} is no zone")
    ending = "Z" if not zone or zone in ("+0000", "-0000") else f"{zone[:3]}:{zone[3:]}"
    parts = f"{year}-{month}-{day}T{hour}:{minute or '00'}:{second or '00'}"
    return parts + (f".{fraction}" if fraction else "") + ending


def _write(moment: datetime, precision: Precision, offset: str) -> str:
    minutes = int(offset[1:3]) * 60 + int(offset[3:5]) if offset else 0
    try:
        moment = moment.astimezone(timezone(timedelta(minutes=-minutes if offset[:1] == "-" else minutes)))
    except OverflowError:  # 99991231235959-0500 and its like: no calendar has it in another zone
        offset = moment.strftime("%z")
    text = f"{moment.year:04d}" + moment.strftime(_FORMATS[precision])
    if precision == "milli":
        text += f".{moment.microsecond // 1000:03d}"
    elif precision == "packed":  # milliseconds without the dot that HL7 wants in front of them
        text += f"{moment.microsecond // 1000:03d}"
    return text + (offset if precision != "day" else "")
