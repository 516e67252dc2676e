"""The clocks of the United States, by the rule that holds since 2007: no table of the machine's is needed.

Daylight saving time begins at two o'clock on the second Sunday of March and ends at two on the first of November
(15 U.S.C. 260a). Earlier years are taken as if they had known it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from mockehr.core.errors import UnknownName

ZONES: Final[Mapping[str, tuple[int, bool]]] = MappingProxyType(
    {"Eastern": (-5, True), "Central": (-6, True), "Mountain": (-7, True), "Pacific": (-8, True), "UTC": (0, False)}
)
"""Name → (hours from UTC in winter, whether there is daylight saving time)."""


def local(at: float, zone: str) -> datetime:
    """What a clock on the wall of that zone shows at `at` (seconds since 1970 UTC); a datetime without zone.

    Before the year 1 and after 9999, which somebody's records may have at their ends, clocks stand still.
    """
    standard, saves = _zone(zone)
    try:
        winter = datetime.fromtimestamp(at, UTC).replace(tzinfo=None) + timedelta(hours=standard)
    except (OverflowError, ValueError):
        return datetime.min if at < 0 else datetime.max
    return winter + timedelta(hours=1) if saves and _summer(winter) else winter


def instant_of(shown: datetime, zone: str) -> float:
    """When a clock of that zone shows a time, in seconds since 1970 UTC; the earlier one of two."""
    standard, saves = _zone(zone)
    as_utc = shown.replace(tzinfo=UTC).timestamp() - standard * 3600
    if saves and _summer(shown - timedelta(hours=1)):
        return as_utc - 3600
    return as_utc


def midnight(at: float, zone: str) -> datetime:
    """The beginning of the day that it is in that zone at `at`, as its clocks show it."""
    return local(at, zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _zone(name: str) -> tuple[int, bool]:
    if name not in ZONES:
        raise UnknownName("time zone", name, ZONES)
    return ZONES[name]


def _summer(winter: datetime) -> bool:
    """Whether it is summer when the clock, were it never put forward, shows that time."""
    return _sunday(winter.year, 3, 2) <= winter < _sunday(winter.year, 11, 1) - timedelta(hours=1)


def _sunday(year: int, month: int, which: int) -> datetime:
    """Two o'clock on the `which`-th Sunday of a month."""
    first = datetime(year, month, 1, 2)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (which - 1))
