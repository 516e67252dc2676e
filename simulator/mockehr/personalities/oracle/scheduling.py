"""What can be booked at a site of Oracle Health's: free Slots of some practitioners, each with its Schedule.

Sources: notes.md, section Scheduling.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.ids import place_of
from mockehr.personalities.oracle.look import Look
from mockehr.personalities.oracle.narrative import narrate

_SATURDAY: Final = 5
_PER_ROLE: Final = 1000
"""Slots that one practitioner can have: room for numbers."""


def slots_and_schedules(role: JSON, look: Look) -> list[JSON]:
    """The Slots and Schedules of a clean PractitionerRole, on the next working days; none where it offers none."""
    told, place = look.tables["slots"], place_of(str(role.get("id", "")))
    now = look.moment(role, "seconds")
    where = next((str(one.get("reference", "")) for one in role.get("location", ())), "")
    who = str(role.get("practitioner", {}).get("reference", ""))
    if not now or place is None or not where or not who:
        return []
    number = place[1]
    if number % int(told["every"]) or number // int(told["every"]) >= int(told["practitioners"]):
        return []
    made: list[JSON] = []
    for count, start in enumerate(_starts(datetime.fromisoformat(now), told)):
        ordinal = number * _PER_ROLE + count
        made += _pair(ordinal, start, who, where, now, look)
    return made


def _starts(now: datetime, told: Any) -> Iterator[datetime]:
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    left = int(told["days"])
    while left:
        day += timedelta(days=1)
        if day.weekday() < _SATURDAY:
            left -= 1
            yield from (day + timedelta(hours=hour) for hour in told["hours"])


def _pair(ordinal: int, start: datetime, who: str, where: str, now: str, look: Look) -> list[JSON]:
    kinds = list(look.tables["slots"]["types"].items())
    name, standard = kinds[ordinal % len(kinds)]
    own = look.own("codeSet/14249", name, name, digits=8)
    codings = [own, *({"system": "http://snomed.info/sct", "userSelected": False, **one} for one in standard)]
    service = {"coding": codings, "text": name}
    place, person = look.dresser.refer(where), look.dresser.refer(who)
    minute = start.hour * 60 + start.minute
    flavour = f"{own['code']}-{place.rpartition('/')[2]}-{minute}"
    known = look.dresser.neighbour(who)
    actor = {"reference": person, **({"display": look.called(known)} if known is not None else {})}
    end = start + timedelta(minutes=int(look.tables["slots"]["minutes"]))
    schedule: JSON = {
        "resourceType": "Schedule",
        "id": look.dresser.ids.encode("Schedule", None, ordinal, flavour),
        "active": True,
        "serviceType": [service],
        "actor": [actor, {"reference": place, **_named(where, look)}],
    }
    slot: JSON = {
        "resourceType": "Slot",
        "id": look.dresser.ids.encode("Slot", None, ordinal, flavour),
        "extension": [{"valueReference": {"reference": place}, "url": f"{look.tables['ehr']}/scheduling-location"}],
        "serviceType": [dict(service)],
        "schedule": {"reference": f"Schedule/{schedule['id']}"},
        "status": "free",
        "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{end:%Y-%m-%dT%H:%M:%SZ}",
    }
    return [_with_head(one, now, look) for one in (slot, schedule)]


def _named(where: str, look: Look) -> JSON:
    known = look.dresser.neighbour(where)
    return {"display": look.called(known)} if known is not None else {}


def _with_head(made: JSON, now: str, look: Look) -> JSON:
    version = slot_version(str(made["resourceType"]), 1)
    head = {
        "resourceType": made["resourceType"],
        "id": made["id"],
        "meta": {"versionId": version, "lastUpdated": now},
    }
    return {**head, "text": narrate(made, made, look), **{k: v for k, v in made.items() if k not in head}}


def slot_version(resource_type: str, version: int) -> str:
    """`410v795030969834`: what the n-th version of a Slot or Schedule is called."""
    return f"{409 + version}v{795_030_969_834 + (version - 1) * 7}"
