"""How AdvancedMD's own APIs write names, numbers and times. Sources: notes.md."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.fhir.search.date import SECOND, interval
from mockehr.personalities.people import main_name
from mockehr.personalities.zones import instant_of, local

_SHAPES: Final = (
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
)
_FRACTION: Final = re.compile(r"(:\d\d)\.\d{1,9}$")


def head(things: Iterable[Any]) -> JSON:
    """The first of some elements; an empty one where there is none."""
    return next(iter(things), {})


def shown_at(text: str, zone: str) -> datetime | None:
    """What the clocks of a zone show at a FHIR dateTime; a date stays the day that it is. None for neither."""
    found = interval(text)
    if found is None:
        return None
    return local(found[0] / SECOND, "UTC" if len(text) <= 10 else zone)


def us_date(text: str, zone: str = "UTC") -> str:
    """`01/15/1980` of a FHIR date or dateTime; empty for neither."""
    at = shown_at(text, zone)
    return "" if at is None else f"{at.month:02}/{at.day:02}/{at.year:04}"


def us_stamp(at: datetime) -> str:
    """`8/17/2026 2:59:44 PM`."""
    return f"{at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at:%M:%S} {'PM' if at.hour >= 12 else 'AM'}"


def us_time(text: str, zone: str) -> str:
    """The same of a FHIR dateTime; empty for none."""
    at = shown_at(text, zone)
    return "" if at is None else us_stamp(at)


def read_shown(text: str) -> datetime | None:
    """A time on the wall in any of the forms that clients write; None if it is none."""
    text = _FRACTION.sub(r"\1", text.strip())
    for shape in _SHAPES:
        try:
            found = datetime.strptime(text, shape)
        except ValueError:
            continue
        return found if 1900 <= found.year < 9000 else None
    return None


def read_moment(text: str, zone: str) -> float | None:
    """When the clocks of a zone show that, in seconds since 1970."""
    found = read_shown(text)
    return None if found is None else instant_of(found, zone)


def listed_name(resource: JSON, separator: str) -> str:
    """`DOE,JANE Q`."""
    name = main_name(resource)
    given = " ".join(str(part) for part in name.get("given", ()))
    return separator.join(part for part in (str(name.get("family", "")), given) if part).upper()


def split_name(text: str) -> tuple[str, list[str]]:
    """(last name, given names) of `LAST,FIRST MIDDLE`, whatever blanks there are."""
    last, _, given = text.partition(",")
    return last.strip(), given.split()


def phone_of(resource: JSON, use: str) -> str:
    """The first number of that use, as `(203) 555-0150`."""
    for one in resource.get("telecom", ()):
        if one.get("system") == "phone" and one.get("use") == use:
            digits = re.sub(r"\D", "", str(one.get("value", "")))[-10:]
            return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}" if len(digits) == 10 else str(one.get("value", ""))
    return ""


def email_of(resource: JSON) -> str:
    """The first address of electronic mail."""
    told = (one for one in resource.get("telecom", ()) if one.get("system") == "email")
    return str(head(told).get("value", ""))


def number_of(text: str, *prefixes: str) -> str:
    """The id in `pat6077169`, or in the number alone; what is no such number stays what it is."""
    text = text.strip()
    for prefix in prefixes:
        if text.lower().startswith(prefix):
            return text[len(prefix) :]
    return text


def whole(id: str) -> int | str:
    """An id as the REST APIs write it: a number, where it is one."""
    return int(id) if id.isascii() and id.isdecimal() and len(id) <= 15 else id
