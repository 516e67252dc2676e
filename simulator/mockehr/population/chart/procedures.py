"""Procedures that the visits brought, screening, and a reconciliation of the medication at check-ups."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import hl7, operation, snomed
from mockehr.population.chart.draft import Draft, Visit
from mockehr.population.chart.times import HOUR, MINUTE, YEAR, instant_text

_COLONOSCOPY: Final = "0DJD8ZZ"
_HIP: Final = "0SR90J9"
_KNEE: Final = "0SRC0J9"
_EDUCATION: Final = ("386463000", "Prescribed activity/exercise education")
_RECONCILIATION: Final = ("430193006", "Medication Reconciliation (procedure)")


def write_procedures(draft: Draft) -> None:
    """Append the Procedures."""
    for visit in draft.visits:
        if visit.contact is not None and visit.contact.procedure:
            _write_operation(draft, visit, visit.contact.procedure)
    dice = draft.stream("screening")
    if draft.age(draft.end) >= 51 and dice.chance(0.45):
        candidates = [visit for visit in draft.visits if visit.contact is None and 50 <= draft.age(visit.at) < 76]
        if candidates:
            visit = candidates[0]
            _write(draft, visit, operation(_COLONOSCOPY), visit.at + HOUR / 4, visit.at + HOUR / 2)
    latest = draft.visits[-1]
    if any(course.drugs for course in draft.courses):
        _write(draft, latest, snomed(*_RECONCILIATION), latest.at + 5 * MINUTE, latest.at + 10 * MINUTE)
    elif draft.age(latest.at) > 5 and latest.at - draft.visits[0].at > YEAR:
        _write(draft, latest, snomed(*_EDUCATION), latest.at + 10 * MINUTE, latest.at + 20 * MINUTE)


def _write_operation(draft: Draft, visit: Visit, code: str) -> None:
    course = visit.course
    if code == _KNEE and course is not None and course.code.startswith("M16"):
        code = _HIP
    start = visit.at + (visit.end - visit.at) * 0.2
    stop = min(visit.end, start + 90 * MINUTE)
    _write(draft, visit, operation(code), start, stop)


def _write(draft: Draft, visit: Visit, code: JSON, start: float, stop: float) -> None:
    body: JSON = {
        "status": "completed",
        "category": hl7("observation-category", "procedure", "Procedure"),
        "code": code,
        "subject": draft.patient,
        "encounter": visit.reference,
        "performedPeriod": {"start": instant_text(draft.clip(start)), "end": instant_text(draft.clip(stop))},
        "performer": [{"actor": visit.practitioner}],
        "location": visit.location,
    }
    if visit.course is not None:
        body["reasonReference"] = [visit.course.condition]
    draft.add("Procedure", "us-core-procedure", stop, body)
