"""Appointments: the last check-up, kept, and for the living one that is still to come."""

from __future__ import annotations

from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import hl7, snomed
from mockehr.population.chart.draft import Draft
from mockehr.population.chart.times import DAY, MINUTE, instant_text, on_a_weekday

_CHECK_UP = ("185349003", "Encounter for check up (procedure)")


def write_appointments(draft: Draft) -> None:
    """Append one fulfilled Appointment and, for the living, one booked after `as_of`."""
    check_ups = [visit for visit in draft.visits if visit.contact is None]
    latest = check_ups[-1]
    booked = check_ups[-2].end if len(check_ups) > 1 else max(draft.born, latest.at - 14 * DAY)
    _write(draft, "fulfilled", latest.at, booked, latest.practitioner, latest.location)
    if draft.alive:
        dice = draft.stream("appointment")
        at = on_a_weekday(draft.as_of + dice.uniform(2, 120) * DAY, dice.below(30))
        doctor = draft.staff.reference("Practitioner", draft.subject.general_practitioner)
        place = draft.staff.reference("Location", draft.subject.site_of_care)
        _write(draft, "booked", at, draft.visits[-1].end, doctor, place)


def _write(draft: Draft, status: str, at: float, booked: float, doctor: JSON, place: JSON) -> None:
    actors = [draft.patient, doctor, place]
    body: JSON = {
        "status": status,
        "serviceType": [snomed(*_CHECK_UP)],
        "appointmentType": hl7("v2-0276", "CHECKUP", "A routine check-up, such as an annual physical"),
        "description": "Check-up",
        "start": instant_text(at),
        "end": instant_text(at + 30 * MINUTE),
        "minutesDuration": 30,
        "created": instant_text(booked),
        "participant": [{"actor": actor, "required": "required", "status": "accepted"} for actor in actors],
    }
    draft.add("Appointment", "", booked, body)
