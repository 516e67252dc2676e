"""What the changes of an Appointment mean for those who keep a calendar."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.events.topic import became

FILTERS: Final[Mapping[str, str]] = MappingProxyType(
    {name: name for name in ("_id", "actor", "date", "location", "patient", "practitioner", "service-type", "status")}
)
RELATED: Final[Mapping[str, str]] = MappingProxyType({"Patient": "Appointment:patient"})


def books(change: Change) -> bool:
    """An appointment is booked that was not before."""
    return _of_calendar(change) and became(change, "booked")


def alters(change: Change) -> bool:
    """A booked appointment stays booked, at another time, at another place, or with somebody else."""
    if not _of_calendar(change) or change.kind == "delete" or change.before is None:
        return False
    booked = change.document.get("status") == change.status_before == "booked"
    return booked and _agreed(change.document) != _agreed(change.before)


def cancels(change: Change) -> bool:
    """An appointment is cancelled that was not before."""
    return _of_calendar(change) and became(change, "cancelled")


def _agreed(appointment: JSON) -> tuple[Any, ...]:
    listed = appointment.get("participant")
    whom = [one.get("actor") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    named = sorted(str(actor.get("reference", "")) for actor in whom if isinstance(actor, dict))
    return (*(appointment.get(name) for name in ("start", "end", "minutesDuration")), named)


def _of_calendar(change: Change) -> bool:
    return change.resource_type == "Appointment"
