"""Appointments, working hours, and the slots that are left of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from mockehr.core.exchange import JSON
from mockehr.personalities.nexhealth import copied, people, shown
from mockehr.personalities.nexhealth.asked import Asked, Done, Refusal, objects

MOST_DAYS: Final = 31
LOOKED_AHEAD: Final = 180
"""Days in which the next free one is looked for."""
_YEARS: Final = range(1900, 2200)
"""Beyond them the arithmetic of days ends somewhere."""


def appointments(asked: Asked, id: str) -> Done:
    """Those that begin within the time asked for."""
    if not asked.get("location_id") and not asked.get("foreign_id"):
        raise Refusal(400, "At least one of location_id or foreign_id must be provided")
    start, end = (_when(asked.get(name), name) for name in ("start", "end"))
    found = list(_booked(asked, start, end))
    for name, key in (("patient_id", "patient_id"), ("provider_id", "provider_id"), ("foreign_id", "foreign_id")):
        if asked.get(name):
            found = [one for one in found if str(one[key]) == asked.get(name)]
    if asked.get("cancelled"):
        found = [one for one in found if one["cancelled"] is (asked.get("cancelled") == "true")]
    return asked.turn(sorted(found, key=lambda one: (_when(one["start_time"], "start"), one["id"])))


def appointment(asked: Asked, id: str) -> Done:
    """One of them, written or not."""
    return 200, _one(asked, id), {}


def create(asked: Asked, id: str) -> Done:
    """Accept an appointment, to be written later."""
    asked.need_location()
    asked.get("notify_patient")
    told = asked.body("appt")
    who, staff = (
        people.the_patient(asked, told.get("patient_id")),
        people.the_provider(asked, told.get("provider_id")),
    )
    start = _when(told.get("start_time"), "start_time")
    if start.timestamp() <= asked.records.now():
        raise Refusal(400, "start_time must be in the future")
    minutes = int(asked.told["slot"])
    end = _when(told["end_time"], "end_time") if told.get("end_time") else start + timedelta(minutes=minutes)
    if end <= start:
        raise Refusal(400, "end_time must be after start_time")
    name: JSON = next(iter(staff.get("name") or ()), {})
    resource: JSON = {
        "resourceType": "Appointment",
        "status": "booked",
        "start": start.isoformat(),
        "end": end.isoformat(),
        "minutesDuration": int((end - start).total_seconds() // 60),
        "participant": [
            {"actor": {"reference": f"Patient/{who['id']}"}, "status": "accepted"},
            {
                "actor": {"reference": f"Practitioner/{staff['id']}", "display": str(name.get("family", ""))},
                "status": "accepted",
            },
        ],
    }
    if told.get("note"):
        resource["comment"] = str(told["note"])
    one = copied.accept(asked.records, asked.behind.name, resource)
    return 201, {"appt": shown.accepted(asked.records, asked.behind, one, asked.place, asked.told)}, {}


def update(asked: Asked, id: str) -> Done:
    """Cancel one, or confirm it; into the practice's system with the next attempt."""
    told = asked.body("appt")
    present = _one(asked, id)
    if told.get("cancelled") is not True and told.get("confirmed") is not True:
        raise Refusal(400, "Only cancelled and confirmed can be updated")
    status = "cancelled" if told.get("cancelled") else "booked"
    given = asked.records.kept(copied.DRAWER, f"written {present['id']}")
    if isinstance(given, copied.Written):
        change = replace(given, resource=given.resource | {"status": status}, written_at=0.0, failed="")
        copied.keep(asked.records, change)
    else:
        document = copied.read(asked.records, asked.behind, "Appointment", str(present["foreign_id"]))
        assert document is not None
        change = copied.accept(asked.records, asked.behind.name, document | {"status": status})
        change = replace(change, foreign=str(document["id"]))
        copied.keep(asked.records, change)
        asked.records.keep(
            copied.DRAWER, f"number Appointment {asked.behind.name} {change.foreign}", change.number, copied.FOR_EVER
        )
    told_of = shown.accepted(asked.records, asked.behind, change, asked.place, asked.told)
    return 200, {"appt": told_of | {"id": present["id"]}}, {}


def availabilities(asked: Asked, id: str) -> Done:
    """When providers work, as it was read from the practice's system."""
    asked.need_location()
    wanted = asked.get("provider_id")
    told = [
        {
            "id": shown.UNIT * 2 + one["id"] % shown.UNIT,
            "provider_id": one["id"],
            "location_id": asked.place["id"],
            "operatory_id": None,
            "begin_time": asked.told["begins"],
            "end_time": asked.told["ends"],
            "days": list(asked.told["days"]),
            "synced": True,
            "active": True,
            "tz_offset": asked.told["zone"],
        }
        for one in _providers(asked)
        if wanted in ("", str(one["id"]))
    ]
    return asked.page(told, len(told))


def slots(asked: Asked, id: str) -> Done:
    """Working hours less what is booked, provider by provider."""
    start = asked.get("start_date")
    try:
        first: datetime | None = datetime.fromisoformat(f"{start}T00:00:00{asked.told['zone']}")
    except ValueError:
        first = None
    if first is None or first.year not in _YEARS:
        raise Refusal(400, "Missing parameter: start_date" if not start else "Invalid parameter: start_date")
    days = asked.number("days", 1, MOST_DAYS)
    length = asked.number("slot_length", int(asked.told["slot"]), 24 * 60)
    wanted, places = asked.all("pids[]"), asked.all("lids[]")
    if places and str(asked.place["id"]) not in places:
        raise Refusal(404, "Location not found")
    told = []
    for one in _providers(asked):
        if wanted and str(one["id"]) not in wanted:
            continue
        ahead = timedelta(days=LOOKED_AHEAD)
        busy = [
            b for b in _booked(asked, first, first + ahead) if b["provider_id"] == one["id"] and not b["cancelled"]
        ]
        free = [{"time": slot.isoformat(), "end_time": (slot + timedelta(minutes=length)).isoformat(),
                 "operatory_id": None, "provider_id": one["id"]}
                for slot in _free(asked, first, days, length, busy)]  # fmt: skip
        later = None if free else next(iter(_free(asked, first, LOOKED_AHEAD, length, busy)), None)
        told.append(
            {
                "lid": asked.place["id"],
                "pid": one["id"],
                "operatory_id": None,
                "slots": free,
                "next_available_date": later.date().isoformat() if later else None,
            }
        )
    return 200, told, {"count": len(told)}


def _one(asked: Asked, id: str) -> JSON:
    given = asked.records.kept(copied.DRAWER, f"written {id}")
    if isinstance(given, copied.Written) and given.site == asked.behind.name and copied.kind(given) == "Appointment":
        return shown.accepted(asked.records, asked.behind, given, asked.place, asked.told)
    known = id.isascii() and id.isdigit() and len(id) <= 18
    theirs = shown.id_of(asked.records, asked.behind, "Appointment", int(id)) if known else ""
    found = copied.read(asked.records, asked.behind, "Appointment", theirs) if theirs else None
    if found is None:
        raise Refusal(404, "Appointment not found")
    return shown.appointment(asked.records, asked.behind, found, asked.place, asked.told)


def _booked(asked: Asked, start: datetime, end: datetime) -> Iterator[JSON]:
    """Appointments of the copy, and those that were accepted, which it may not have yet."""
    query = urlencode([("date", f"ge{start.isoformat()}"), ("date", f"le{end.isoformat()}")])
    ours = {}
    for one in copied.written(asked.records):
        if one.site != asked.behind.name or copied.kind(one) != "Appointment":
            continue
        if start <= _when(one.resource["start"], "start") <= end:
            ours[one.foreign or f"#{one.number}"] = shown.accepted(
                asked.records, asked.behind, one, asked.place, asked.told
            )
    yield from ours.values()
    for document in copied.search(asked.records, asked.behind, "Appointment", query, 1000):
        if str(document["id"]) not in ours and document.get("start"):
            yield shown.appointment(asked.records, asked.behind, document, asked.place, asked.told)


def _providers(asked: Asked) -> list[JSON]:
    found = copied.search(asked.records, asked.behind, "Practitioner", "", 1000)
    return [shown.provider(asked.records, asked.behind, one, asked.place) for one in found]


def _free(asked: Asked, first: datetime, days: int, length: int, busy: list[JSON]) -> Iterator[datetime]:
    taken = [(_when(one["start_time"], "start"), _when(one["end_time"], "end")) for one in objects(busy)]
    step = timedelta(minutes=length)
    now = asked.records.now()
    for number in range(days):
        day = first + timedelta(days=number)
        if day.strftime("%A") not in asked.told["days"]:
            continue
        slot, ends = (_at(day, str(asked.told[name])) for name in ("begins", "ends"))
        while slot + step <= ends:
            if slot.timestamp() > now and not any(a < slot + step and slot < b for a, b in taken):
                yield slot
            slot += step


def _at(day: datetime, clock: str) -> datetime:
    hour, _, minute = clock.partition(":")
    return day.replace(hour=int(hour), minute=int(minute or 0))


def _when(text: Any, name: str) -> datetime:
    if not text:
        raise Refusal(400, f"Missing parameter: {name}")
    try:
        found = datetime.fromisoformat(str(text).replace(" ", "+"))
    except ValueError:
        raise Refusal(400, f"Invalid parameter: {name}") from None
    if found.tzinfo is None or found.year not in _YEARS:
        raise Refusal(400, f"Invalid parameter: {name}")
    return found


CALLS: Final[Mapping[str, Callable[[Asked, str], Done]]] = MappingProxyType(
    {
        "appointments": appointments,
        "appointments/id": appointment,
        "appointments/create": create,
        "appointments/update": update,
        "availabilities": availabilities,
        "appointment_slots": slots,
    }
)
"""By the API's own word."""
