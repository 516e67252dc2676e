"""Scheduling: who is booked, and booking, moving and cancelling."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.redox import patients
from mockehr.personalities.redox.errand import Errand, Failed, Invalid, part, wanted

_STATUS: Final = MappingProxyType(
    {"booked": "Scheduled", "fulfilled": "Completed", "noshow": "No Show", "cancelled": "Canceled"}
)
MINUTES: Final = 15
"""Of a visit that does not say."""
MOST_MINUTES: Final = 31 * 24 * 60
_YEARS: Final = range(1900, 2200)


def booked(errand: Errand, body: JSON) -> JSON:
    """`Visits` that begin within the time asked for, of one patient if one is named."""
    criteria = [f"date=ge{_moment(body[name])}" for name in ("StartDateTime",) if body.get(name)]
    criteria += [f"date=le{_moment(body[name])}" for name in ("EndDateTime",) if body.get(name)]
    if part(body, "Patient").get("Identifiers"):
        criteria.append(f"patient={patients.the_one(errand, body)['id']}")
    if not criteria:
        raise Invalid("StartDateTime is required")
    found = errand.found(f"/Appointment?{'&'.join(criteria)}")
    people: dict[str, JSON] = {}
    return {"Visits": [_visit(errand, one, people) for one in found]}


def book(errand: Errand, body: JSON) -> JSON:
    """A new appointment."""
    patient = patients.the_one(errand, body)
    start = _when(wanted(body, "Visit", "VisitDateTime"))
    visit = part(body, "Visit")
    minutes = _minutes(visit)
    who = {"reference": f"Patient/{patient['id']}"}
    appointment: JSON = {
        "resourceType": "Appointment",
        "status": "booked",
        "start": start.isoformat(),
        "end": (start + timedelta(minutes=minutes)).isoformat(),
        "minutesDuration": minutes,
        "participant": [{"actor": who, "status": "accepted"}],
    }
    if visit.get("Reason"):
        appointment["reasonCode"] = [{"text": str(visit["Reason"])}]
    errand.create(appointment)
    return {}


def reschedule(errand: Errand, body: JSON) -> JSON:
    """Another time, another reason."""
    present, visit = _present(errand, body), part(body, "Visit")
    if visit.get("VisitDateTime"):
        start, minutes = _when(visit["VisitDateTime"]), _minutes(visit, present)
        present["start"] = start.isoformat()
        present["end"] = (start + timedelta(minutes=minutes)).isoformat()
        present["minutesDuration"] = minutes
    if visit.get("Reason"):
        present["reasonCode"] = [{"text": str(visit["Reason"])}]
    errand.update(present)
    return {}


def cancel(errand: Errand, body: JSON) -> JSON:
    """It will not be."""
    errand.update(_present(errand, body) | {"status": "cancelled"})
    return {}


def miss(errand: Errand, body: JSON) -> JSON:
    """Nobody came."""
    errand.update(_present(errand, body) | {"status": "noshow"})
    return {}


def _present(errand: Errand, body: JSON) -> JSON:
    return errand.read("Appointment", str(wanted(body, "Visit", "VisitNumber")))


def _visit(errand: Errand, appointment: JSON, people: dict[str, JSON]) -> JSON:
    actors = [str((one.get("actor") or {}).get("reference", "")) for one in appointment.get("participant") or ()]
    shown = {
        reference: str((one.get("actor") or {}).get("display", ""))
        for reference, one in zip(actors, appointment.get("participant") or (), strict=True)
    }
    patient = next((one for one in actors if "Patient/" in one), "")
    provider = next((one for one in actors if "Practitioner" in one), "")
    place = next((one for one in actors if "Location/" in one), "")
    reasons: list[Any] = appointment.get("reasonCode") or []
    told: JSON = {
        "VisitNumber": appointment["id"],
        "VisitDateTime": appointment.get("start"),
        "Duration": appointment.get("minutesDuration"),
        "Status": _STATUS.get(str(appointment.get("status")), appointment.get("status")),
        "Reason": (reasons[0].get("text") if reasons else None) or appointment.get("description"),
    }
    if provider:
        told["AttendingProvider"] = {"ID": provider.rpartition("/")[2], "IDType": "FHIR", "LastName": shown[provider]}
    if place:
        told["Location"] = {"Facility": shown[place] or place.rpartition("/")[2]}
    if patient:
        told["Patient"] = _person(errand, patient.rpartition("/")[2], people)
    return told


def _person(errand: Errand, id: str, people: dict[str, JSON]) -> JSON:
    """A patient, read once for one answer; only named if they cannot be read."""
    if id not in people:
        try:
            people[id] = patients.told(errand.read("Patient", id))
        except Failed:
            people[id] = {"Identifiers": [{"ID": id, "IDType": "FHIR"}]}
    return people[id]


def _minutes(visit: JSON, present: JSON | None = None) -> int:
    told = visit.get("Duration") or (present or {}).get("minutesDuration") or MINUTES
    try:
        minutes = int(told)
    except (TypeError, ValueError, OverflowError):
        minutes = 0
    if not 0 < minutes <= MOST_MINUTES:
        raise Invalid("Visit.Duration is no number of minutes")
    return minutes


def _when(text: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        raise Invalid(f"{text} is no ISO 8601 date and time") from None
    if found.tzinfo is None:
        raise Invalid(f"{text} has no time zone")
    if found.year not in _YEARS:
        raise Invalid(f"{text} is no time of a visit")
    return found


def _moment(text: Any) -> str:
    """As it stands in a query."""
    return _when(text).isoformat().replace("+", "%2B")
