"""Date parameters: intervals of UTC microseconds (FHIR R4 §3.1.1.4.5 and §3.1.1.4.6).

A date of any precision is the half-open interval of instants that it may mean: `2024-03` is all of March. Without a
time zone it is taken as UTC. A Period without an end reaches for ever. The prefixes compare intervals in the words
of the standard: `eq` wants the search interval to contain the resource's, `gt` wants the range above the search
interval to overlap it, `ge` is either of these, and so on.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Any, Final, NamedTuple

from mockehr.fhir.search.context import Compiled, Context, refuse_modifier
from mockehr.fhir.search.parse import InvalidValue, Parameter, split_prefix
from mockehr.fhir.search.table import SearchDefinition

SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
BEGINNING: Final = -(1 << 62)
END: Final = 1 << 62
LONGEST: Final = 64
"""Letters of a date; what is longer is none, and is not remembered."""
_EPOCH = date(1970, 1, 1).toordinal()
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FORM = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,18}))?)?(Z|[+\- ][0-9]{2}:[0-9]{2})?)?)?)?"
)

Interval = tuple[int, int]
"""[low, high) in microseconds since 1970 UTC; BEGINNING and END where there is no bound."""


class DateValue(NamedTuple):
    """One wanted date."""

    prefix: str
    low: int
    high: int


def interval(text: str) -> Interval | None:
    """The instants that a FHIR date, dateTime or instant may mean; None if it is none.

    Lenient where searches are: seconds and zone may be missing, and a blank stands for the `+` of an offset.
    """
    return _interval(text) if len(text) <= LONGEST else None


@lru_cache(maxsize=16384)
def _interval(text: str) -> Interval | None:
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = form.groups()
    try:
        if month is None:
            return _midnight(int(year), 1, 1), _after(int(year), 12, 31)
        if day is None:
            return _midnight(int(year), int(month), 1), _after(int(year), int(month), _length(int(year), int(month)))
        low = _midnight(int(year), int(month), int(day))
    except (ValueError, IndexError):
        return None
    if hour is None:
        return low, low + DAY
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        return None
    low += (int(hour) * 3600 + int(minute) * 60 + int(second or 0)) * SECOND - _offset(zone)
    if second is None:
        return low, low + 60 * SECOND
    if fraction is None:
        return low, low + SECOND
    digits = fraction[:6]
    unit: int = 10 ** (6 - len(digits))
    low += int(digits) * unit
    return low, low + unit


def _midnight(year: int, month: int, day: int) -> int:
    return (date(year, month, day).toordinal() - _EPOCH) * DAY


def _after(year: int, month: int, day: int) -> int:
    return _midnight(year, month, day) + DAY


def _length(year: int, month: int) -> int:
    leap = month == 2 and (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    return _LENGTHS[month - 1] + leap


def _offset(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return (-minutes if zone[0] == "-" else minutes) * 60 * SECOND


def interval_of(item: Any) -> Interval | None:
    """The interval of one extracted value: a date in text, a Period, a Timing; None for anything else."""
    if isinstance(item, str):
        return interval(item)
    if not isinstance(item, dict):
        return None
    if "start" in item or "end" in item:
        return _period(item)
    repeat, events = item.get("repeat"), item.get("event")
    found = [interval(event) for event in events if isinstance(event, str)] if isinstance(events, list) else []
    bounds = repeat.get("boundsPeriod") if isinstance(repeat, dict) else None
    if isinstance(bounds, dict):
        found.append(_period(bounds))
    known = [pair for pair in found if pair is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None


def _period(item: dict[str, Any]) -> Interval | None:
    start, end = item.get("start"), item.get("end")
    first = interval(start) if isinstance(start, str) else None
    last = interval(end) if isinstance(end, str) else None
    if first is None and last is None:
        return None
    return first[0] if first else BEGINNING, last[1] if last else END


def parse_date(text: str) -> DateValue:
    """A date with its prefix; raises InvalidValue."""
    prefix, rest = split_prefix(text)
    found = interval(rest)
    if found is None:
        raise InvalidValue(
            f"{text!r} is no date; write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss[.sss]][Z|±hh:mm], "
            "after an optional eq, ne, gt, lt, ge, le, sa, eb or ap"
        )
    return DateValue(prefix, *found)


def compare(prefix: str, low: int, high: int, start: int, end: int) -> bool:
    """Does the resource's [start, end) stand in the relation `prefix` to the search's [low, high)?

    `ap` is plain overlap here; widen [low, high) first (`widen`).
    """
    match prefix:
        case "eq":
            return low <= start and end <= high
        case "ge":
            return end > high or (low <= start and end <= high)
        case "le":
            return start < low or (low <= start and end <= high)
        case "gt":
            return end > high
        case "lt":
            return start < low
        case "ne":
            return not (low <= start and end <= high)
        case "sa":
            return start >= high
        case "eb":
            return end <= low
        case _:
            return start < high and end > low


def widen(value: DateValue, now: float | None) -> DateValue:
    """An `ap` value widened on both sides by a tenth of its distance from `now` (seconds); others as they are."""
    if value.prefix != "ap" or now is None:
        return value
    present = int(now * SECOND)
    distance = max(value.low - present, present - value.high, 0) // 10
    return DateValue("ap", value.low - distance, value.high + distance)


def compile_date(parameter: Parameter, definition: SearchDefinition, context: Context) -> Compiled:
    """Values are DateValues."""
    if parameter.modifier:
        raise refuse_modifier(parameter, definition, ":missing")
    values = tuple(widen(parse_date(value), context.now) for value in parameter.values)

    def test(item: Any) -> bool:
        found = interval(item) if isinstance(item, str) else interval_of(item)
        if found is None:
            return False
        start, end = found
        return any(compare(prefix, low, high, start, end) for prefix, low, high in values)

    return values, test
