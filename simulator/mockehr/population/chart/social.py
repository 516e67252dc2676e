"""Social history: smoking status, and pregnancy status where there is something to say."""

from __future__ import annotations

from functools import cache
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import category, loinc, snomed
from mockehr.population.chart.draft import Draft, Visit
from mockehr.population.chart.times import MINUTE, instant_text

_SMOKING: Final = (
    ("266919005", "Never smoked tobacco (finding)"),
    ("8517006", "Ex-smoker (finding)"),
    ("449868002", "Smokes tobacco daily (finding)"),
)
_BY_AGE: Final = (
    # age below, how often never, formerly and daily; roughly the National Health Interview Survey
    (18, (95, 2, 3)),
    (25, (86, 7, 7)),
    (45, (68, 18, 14)),
    (65, (60, 25, 15)),
    (999, (52, 39, 9)),
)
_PREGNANT: Final = ("77386006", "Pregnancy (finding)")
_NOT_PREGNANT: Final = ("60001007", "Not pregnant (finding)")


def write_social_history(draft: Draft) -> None:
    """Append smoking status at the first and the last visit from 12 years on, and pregnancy status."""
    dice = draft.stream("smoking")
    breathless = any(course.area.name == "copd" for course in draft.courses)
    age = draft.age(draft.end)
    weights = (1, 5, 4) if breathless else next(weights for below, weights in _BY_AGE if age < below)
    status = dice.weighted(_SMOKING, weights)
    quits = status is _SMOKING[2] and dice.chance(0.3)
    visits = [visit for visit in draft.visits if visit.contact is None and draft.age(visit.at) >= 12]
    told = status
    for visit in {id(visit): visit for visit in (*visits[:1], *visits[-1:])}.values():
        # who was a child had not begun, unless all of the chart is of childhood
        status = _SMOKING[0] if draft.age(visit.at) < 16 or (draft.age(visit.at) < 18 <= age) else told
        if quits and status is told and visit is visits[-1]:
            status = _SMOKING[1]
        _write(draft, visit, "us-core-smokingstatus", "72166-2", status)
    for course in draft.courses:
        if course.area.pregnancy:
            _write_pregnancy(draft)


def _write_pregnancy(draft: Draft) -> None:
    visits = [visit for visit in draft.visits if visit.course is not None and visit.course.area.pregnancy]
    if visits:
        _write(draft, visits[0], "us-core-observation-pregnancystatus", "82810-3", _PREGNANT)
    after = draft.visits[-1]
    if after.course is None and after.at > max((visit.at for visit in visits), default=0.0):
        course = next(course for course in draft.courses if course.area.pregnancy)
        status = _PREGNANT if course.active(after.at) else _NOT_PREGNANT
        _write(draft, after, "us-core-observation-pregnancystatus", "82810-3", status)


def _write(draft: Draft, visit: Visit, profile: str, code: str, status: tuple[str, str]) -> None:
    at = visit.at + 4 * MINUTE
    body = _frame(code) | {
        "subject": draft.patient,
        "encounter": visit.reference,
        "effectiveDateTime": instant_text(draft.clip(at)),
        "issued": instant_text(draft.clip(at)),
        "performer": [visit.practitioner],
        "valueCodeableConcept": snomed(*status),
    }
    draft.add("Observation", profile, at, body)


@cache
def _frame(code: str) -> JSON:
    return {
        "status": "final",
        "category": category("observation-category", "social-history", "Social History"),
        "code": loinc(code),
    }
