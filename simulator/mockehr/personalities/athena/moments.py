"""The vendor's clock: Eastern time, whatever the practice's, so that -04:00 and -05:00 stand side by side."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from mockehr.core.exchange import JSON


@lru_cache(maxsize=8192)
def eastern_hours(day: str) -> int:
    """Hours of Eastern time from UTC on a day `YYYY-MM-DD`: -4 from March's second Sunday to November's first.

    (Energy Policy Act of 2005, section 110.) The hour of the change itself is not looked at.
    """
    when = date.fromisoformat(day)
    return -4 if _sunday(when.year, 3, 2) <= when < _sunday(when.year, 11, 1) else -5


def _sunday(year: int, month: int, count: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (count - 1))


def eastern(text: str, *, millis: bool = False) -> str:
    """A dateTime with a time in Eastern time, with its offset; any other text as it is."""
    if len(text) < 20 or text[10] != "T":
        return text
    try:
        stamp = datetime.fromisoformat(text).astimezone(UTC)
        hours = eastern_hours(stamp.strftime("%Y-%m-%d"))
        stamp += timedelta(hours=hours)
    except (ValueError, OverflowError):
        return text
    thousandths = f".{stamp.microsecond // 1000:03d}" if millis else ""
    return f"{stamp:%Y-%m-%dT%H:%M:%S}{thousandths}-{-hours:02d}:00"


def local(at: float) -> datetime:
    """The vendor's clock at a site time, without a zone."""
    stamp = datetime.fromtimestamp(at, UTC)
    return (stamp + timedelta(hours=eastern_hours(stamp.strftime("%Y-%m-%d")))).replace(tzinfo=None)


def with_zone(when: datetime) -> str:
    """A time of the vendor's clock as a FHIR dateTime."""
    return f"{when:%Y-%m-%dT%H:%M:%S}-{-eastern_hours(when.strftime('%Y-%m-%d')):02d}:00"


def localise(node: JSON) -> None:
    """Change every dateTime with a time in `node`, in place."""
    for name, value in node.items():
        if isinstance(value, str):
            if len(value) > 19 and value[10] == "T":
                node[name] = eastern(value)
        elif isinstance(value, (dict, list)):
            _localise_part(value)


def _localise_part(value: Any) -> None:
    if isinstance(value, dict):
        localise(value)
        return
    for place, one in enumerate(value):
        if isinstance(one, str):
            value[place] = eastern(one)
        elif isinstance(one, (dict, list)):
            _localise_part(one)
