"""Seconds since 1970 UTC and the texts that FHIR makes of them, made for speed: charts write thousands of dates."""

from __future__ import annotations

from datetime import date
from typing import Final

DAY: Final = 86400.0
YEAR: Final = 365.25 * DAY
HOUR: Final = 3600.0
MINUTE: Final = 60.0
_EPOCH: Final = date(1970, 1, 1).toordinal()

ICD10_STARTS: Final = 1443657600.0
"""2015-10-01: the day on which the United States went from ICD-9-CM to ICD-10-CM."""


def date_text(at: float) -> str:
    """The UTC date of `at` as a FHIR date: `2026-01-05`."""
    return date.fromordinal(_EPOCH + int(at // DAY)).isoformat()


def instant_text(at: float) -> str:
    """`at` as a FHIR instant in UTC, whole seconds: `2026-01-05T12:00:00Z`."""
    days, rest = divmod(int(at), 86400)
    minutes, seconds = divmod(rest, 60)
    day = date.fromordinal(_EPOCH + days).isoformat()
    return f"{day}T{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}Z"


def day_start(text: str) -> float:
    """Midnight UTC at the start of the date that `text` begins with (`1958-03-07`, also with a time behind it)."""
    return float((date.fromisoformat(text[:10]).toordinal() - _EPOCH) * 86400)


def years_between(earlier: float, later: float) -> float:
    """Years from `earlier` to `later`, as people count age (with a fraction)."""
    return (later - earlier) / YEAR


def on_a_weekday(at: float, quarter: int) -> float:
    """A consulting hour on the day of `at`, or on the Monday after a weekend.

    `quarter` counts quarters of an hour from 14:00 UTC (morning in the Americas), 0 to 31.
    """
    days = int(at // DAY)
    weekday = (days + 3) % 7
    if weekday > 4:
        days += 7 - weekday
    return days * DAY + 14 * HOUR + quarter * 15 * MINUTE
