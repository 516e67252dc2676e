"""The ways in which vendors write one and the same moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from mockehr.core.clock import instant

Style = str
"""`asis`: as it comes; `seconds`: `…:00Z`; `millis`: `….000Z`; `offset`: `…:00+00:00`; or an offset from UTC such as
`-05:00`, with `.` in front for milliseconds: `.-05:00`."""

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def is_moment(text: str) -> bool:
    """Whether a text is a FHIR dateTime or instant with a time."""
    return len(text) > 19 and text[10] == "T" and _MOMENT.fullmatch(text) is not None


def moment(text: str, style: Style) -> str:
    """A dateTime with a time in another style, in UTC; any other text as it is."""
    if style == "asis" or not is_moment(text):
        return text
    if style[-3:-2] == ":":
        return _elsewhere(text, style)
    if text.endswith("Z") and len(text) == 20:
        whole, thousandths = text[:-1], "000"
    else:
        try:
            stamp = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            return text
        whole, thousandths = stamp.strftime("%Y-%m-%dT%H:%M:%S"), f"{stamp.microsecond // 1000:03d}"
    if style == "seconds":
        return f"{whole}Z"
    return f"{whole}.{thousandths}Z" if style == "millis" else f"{whole}+00:00"


def _elsewhere(text: str, style: Style) -> str:
    zone = style.removeprefix(".")
    sign = -1 if zone[0] == "-" else 1
    away = timezone(sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])))
    try:
        stamp = datetime.fromisoformat(text).astimezone(away)
    except (ValueError, OverflowError):
        return text
    thousandths = f".{stamp.microsecond // 1000:03d}" if style[0] == "." else ""
    return f"{stamp:%Y-%m-%dT%H:%M:%S}{thousandths}{zone}"


def as_moment(text: str, style: Style) -> str:
    """Like `moment`, and a bare date becomes its first second; a partial date stays what it is."""
    return moment(f"{text}T00:00:00Z" if len(text) == 10 else text, style)


def day_of(text: str) -> str:
    """The date of a dateTime, as it stands there; partial dates stay what they are."""
    return text[:10]


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def spoken(text: str) -> str:
    """For people: `May 12, 2023  9:17 P.M. UTC`, or `May 12, 2023` for a date."""
    if len(text) < 10:
        return text
    date = f"{_MONTHS[int(text[5:7]) - 1]} {int(text[8:10])}, {text[:4]}"
    if not is_moment(text):
        return date
    utc = moment(text, "seconds")
    date = f"{_MONTHS[int(utc[5:7]) - 1]} {int(utc[8:10])}, {utc[:4]}"
    hour = int(utc[11:13])
    return f"{date} {(hour % 12) or 12:2d}:{utc[14:16]} {'P.M.' if hour >= 12 else 'A.M.'} UTC"


def zoned(at: float, zone: str) -> str:
    """Site seconds with milliseconds in a zone: `Z`, or an offset such as `-05:00`."""
    if zone == "Z":
        return instant(at, millis=True)
    sign = -1 if zone[:1] == "-" else 1
    ahead = sign * (int(zone[1:3]) * 3600 + int(zone[4:6]) * 60)
    return instant(at + ahead, millis=True).removesuffix("Z") + zone


_DAYS: Final = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")


def http_date(at: float) -> str:
    """Site seconds as an HTTP date (RFC 9110, 5.6.7)."""
    text = instant(at)
    weekday = _DAYS[int(at // 86400) % 7]
    return f"{weekday}, {text[8:10]} {_MONTHS[int(text[5:7]) - 1]} {text[:4]} {text[11:19]} GMT"
