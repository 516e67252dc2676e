"""How Unity writes what it knows: everything as text, dates in three forms, some texts padded. Sources: notes.md."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.fhir.search.date import SECOND, interval
from mockehr.personalities.concepts import codings, text_of
from mockehr.personalities.zones import instant_of, local

Row = dict[str, str]
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SHAPES: Final = ("%m/%d/%Y", "%Y/%m/%d", "%m/%d/%Y %I:%M:%S %p", "%d-%b-%Y", "%Y%m%d")
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?")


def head(things: Iterable[Any]) -> JSON:
    """The first of some elements; an empty one where there is none."""
    return next(iter(things), {})


def seconds_of(text: str) -> float | None:
    """When a FHIR date or dateTime begins, in seconds since 1970 UTC; None if it is none."""
    found = interval(text)
    return None if found is None else found[0] / SECOND


def shown_at(text: str, zone: str) -> datetime | None:
    """What the clocks of a zone show at a FHIR dateTime; a date stays the day that it is."""
    if len(text) <= 10:
        found = seconds_of(text)
        return None if found is None else local(found, "UTC")
    at = seconds_of(text)
    return None if at is None else local(at, zone)


def day(text: str, zone: str) -> str:
    """`01-May-1950`; empty for what is no date."""
    at = shown_at(text, zone)
    return "" if at is None else f"{at.day:02}-{_MONTHS[at.month - 1]}-{at.year:04}"


def day_and_time(text: str, zone: str) -> str:
    """`04-Mar-2015 1:23 pm`."""
    at = shown_at(text, zone)
    if at is None or len(text) <= 10:
        return day(text, zone)
    return f"{day(text, zone)} {at.hour % 12 or 12}:{at.minute:02} {'pm' if at.hour >= 12 else 'am'}"


def stamp(text: str, zone: str) -> str:
    """`8/17/2015 2:59:44 PM`, and `5/1/1950 12:00:00 AM` for a date."""
    at = shown_at(text, zone)
    return "" if at is None else stamped(at)


def stamped(at: datetime) -> str:
    """What a clock shows in the same form."""
    hour = f"{at.hour % 12 or 12}:{at.minute:02}:{at.second:02} {'PM' if at.hour >= 12 else 'AM'}"
    return f"{at.month}/{at.day}/{at.year} {hour}"


def read_date(text: str, zone: str) -> float | None:
    """When a date that a client gave in any of Unity's forms begins; None if it is none."""
    text = text.strip()
    shown: datetime | None = None
    iso = _ISO.match(text)
    if iso is not None:
        try:
            shown = datetime.fromisoformat(iso[0])
        except ValueError:
            return None
    for shape in _SHAPES if shown is None else ():
        try:
            shown = datetime.strptime(text, shape)
            break
        except ValueError:
            continue
    return None if shown is None or not 1900 <= shown.year < 9000 else instant_of(shown, zone)


def padded(text: str, width: int) -> str:
    """With blanks to the right, as a column of fixed width gives it."""
    return text[:width].ljust(width)


def phone_of(resource: JSON, *uses: str) -> str:
    """The first phone number of one of these uses, as `(203) 555-0150`."""
    for one in resource.get("telecom", ()):
        if one.get("system") == "phone" and one.get("use") in uses:
            digits = re.sub(r"\D", "", str(one.get("value", "")))[-10:]
            return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}" if len(digits) == 10 else str(one["value"])
    return ""


def email_of(resource: JSON) -> str:
    """The first address of electronic mail."""
    return next((str(one["value"]) for one in resource.get("telecom", ()) if one.get("system") == "email"), "")


def code_of(element: Any, *systems: str) -> tuple[str, str]:
    """(code, system) of the first coding of one of these systems, or of the first of all; empty texts without any."""
    found = codings(element)
    chosen = next((one for one in found if one.get("system") in systems), found[0] if found else {})
    return str(chosen.get("code", "")), str(chosen.get("system", ""))


def called(element: Any) -> str:
    """What people would read of a concept."""
    return text_of(element)
