"""The schedule: half-hour slots on weekdays, open until something stands in them.

A slot that nobody touched is stored nowhere: its number says whose it is and when. One that was frozen, or made by
hand, is a Slot; one that is booked is an Appointment of the same number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.athena.api.call import Call, number_of
from mockehr.personalities.athena.api.places import homes
from mockehr.personalities.athena.ids import bare, slot_number, slot_value
from mockehr.personalities.athena.look import STRUCTURES
from mockehr.personalities.athena.moments import with_zone

TYPE_ID: Final = 2
"""The one type of appointments that patients can be booked for."""
TYPE_NAME: Final = "Office Visit"
MINUTES: Final = 30
_OPENS: Final = 9
_STEPS: Final = 16
PROVIDERS: Final = "https://directory.athena.io/sid/provider"
_FIRST_DAY: Final = date(2020, 1, 1)
_PROVIDERS: Final = 1024
_FAR: Final = 100_000
"""Days that slots are numbered for."""


@dataclass(frozen=True, slots=True)
class Place:
    """A slot: its number, whose it is, and when it begins by the practice's clock."""

    number: int
    provider: str
    department: str
    start: datetime
    minutes: int = MINUTES
    frozen: bool = False
    taken: bool = False


def at_number(call: Call, text: str) -> Place | None:
    """The slot of that number, taken or not; None if there is no such slot."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None
    value = slot_value(int(text))
    if value is None:
        return None
    made = value % 2 == 1
    stored = call.records.read("Slot", call.ids.of_number("Slot", text))
    if made:
        return _stored(call, stored) if stored is not None else None
    rest, step = divmod(value // 2, _STEPS)
    day_number, who = divmod(rest, _PROVIDERS)
    if day_number > _FAR:
        return None
    provider = bare(call.ids.encode("Practitioner", None, who))
    department = homes(call).get(provider)
    day = _FIRST_DAY + timedelta(days=day_number)
    if department is None or day.weekday() > 4:
        return None
    return _at(call, provider, department, day, step)


def between(call: Call, first: date, last: date, department: str, providers: frozenset[str]) -> Iterator[Place]:
    """The slots of a department on those days, in order of time; of all providers if none is named."""
    whose = sorted(who for who, where in homes(call).items() if where == department and who in (providers or {who}))
    made = [
        place
        for place in _made(call)
        if place.department == department and place.provider in (providers or {place.provider})
    ]
    day = first
    while day <= last:
        here = [one for one in made if one.start.date() == day]
        if day.weekday() <= 4:
            here += [_at(call, who, department, day, step) for who in whose for step in range(_STEPS)]
        yield from sorted(here, key=lambda place: (place.start, place.number))
        day += timedelta(days=1)


def make(call: Call, provider: str, department: str, start: datetime, minutes: int) -> JSON:
    """Store a slot that is open."""
    value = 2 * call.records.number("athena slots") + 1
    return _store(call, Place(slot_number(value), provider, department, start, minutes))


def freeze(call: Call, place: Place, *, frozen: bool) -> JSON:
    """Store whether a slot is frozen."""
    return _store(call, place, frozen=frozen)


def _store(call: Call, place: Place, *, frozen: bool = False) -> JSON:
    id = call.ids.of_number("Slot", str(place.number))
    made: JSON = {
        "resourceType": "Slot",
        "id": id,
        "extension": [
            {"url": STRUCTURES + "ah-practice",
             "valueReference": {"reference": f"Organization/a-1.Practice-{call.ids.practice}"}},
            {"url": STRUCTURES + "ah-department",
             "valueReference": {"reference": f"Location/{call.ids.of_number('Location', place.department)}"}},
        ],
        "schedule": {"identifier": {"value": f"{call.ids.practice}.{place.provider}", "system": PROVIDERS}},
        "status": "busy-unavailable" if frozen else "free",
        "start": with_zone(place.start),
        "end": with_zone(place.start + timedelta(minutes=place.minutes)),
    }  # fmt: skip
    if call.records.read("Slot", id) is not None:
        return call.stored(call.records.update(call.exchange, made))
    return call.stored(call.records.create(call.exchange, made, id))


def _at(call: Call, provider: str, department: str, day: date, step: int) -> Place:
    """The slot of a provider at a step of a day, as it is now."""
    who = (int(provider) - 1) // 4
    number = slot_number(2 * (((day - _FIRST_DAY).days * _PROVIDERS + who) * _STEPS + step))
    start = datetime(day.year, day.month, day.day, _OPENS) + timedelta(minutes=MINUTES * step)
    stored = call.records.read("Slot", call.ids.of_number("Slot", str(number)))
    frozen = stored is not None and stored.get("status") == "busy-unavailable"
    return Place(number, provider, department, start, MINUTES, frozen, _taken(call, number))


def _made(call: Call) -> list[Place]:
    """The slots that were made by hand."""
    return [
        _stored(call, one)
        for one in call.records.written("Slot", 0.0)
        if (slot_value(int(bare(str(one["id"])))) or 0) % 2 == 1
    ]


def _stored(call: Call, slot: JSON) -> Place:
    number = int(bare(str(slot["id"])))
    start, end = (datetime.fromisoformat(str(slot[name])).replace(tzinfo=None) for name in ("start", "end"))
    url = STRUCTURES + "ah-department"
    where = next(
        (one["valueReference"]["reference"] for one in slot.get("extension", ()) if one.get("url") == url), ""
    )
    return Place(
        number,
        str(slot["schedule"]["identifier"]["value"]).rpartition(".")[2],
        number_of(where),
        start,
        int((end - start).total_seconds() // 60),
        slot.get("status") == "busy-unavailable",
        _taken(call, number),
    )


def _taken(call: Call, number: int) -> bool:
    return call.records.read("Appointment", call.ids.of_number("Appointment", str(number))) is not None
