"""Who looks after the patient, towards what, and how: CareTeam, Goals and CarePlan."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import US_CORE, concept, hl7, loinc, quantity, snomed
from mockehr.population.chart.course import Course, Target
from mockehr.population.chart.draft import Draft
from mockehr.population.chart.times import DAY, date_text
from mockehr.population.chart.visits import working_as

_FAMILY_DOCTOR: Final = ("453231000124104", "Primary care provider")
_PATIENT: Final = ("116154003", "Patient (person)")


def write_plans(draft: Draft) -> None:
    """Append the CareTeam, a Goal for every problem that has a target, and one CarePlan."""
    first, latest = draft.visits[0], draft.visits[-1]
    courses = [course for course in draft.courses if course.ended is None]
    team = _write_team(draft, courses)
    goals = [_write_goal(draft, course, course.area.target) for course in courses if course.area.target]
    period: JSON = {"start": date_text(first.at)}
    if not draft.alive:
        period["end"] = date_text(draft.end)
    body: JSON = {
        "text": {"status": "additional", "div": _narrative(courses)},
        "status": "active" if draft.alive else "completed",
        "intent": "plan",
        "category": [_assess_plan()],
        "title": "Assessment and plan of treatment",
        "subject": draft.patient,
        "encounter": latest.reference,
        "period": period,
        "created": date_text(latest.at),
        "author": latest.practitioner,
        "careTeam": [team],
    }
    addressed = [course.condition for course in courses]
    if addressed:
        body["addresses"] = addressed
    if goals:
        body["goal"] = goals
    draft.add("CarePlan", "us-core-careplan", latest.end, body)


def _write_team(draft: Draft, courses: list[Course]) -> JSON:
    first = draft.visits[0]
    doctor = draft.staff.reference("Practitioner", draft.subject.general_practitioner)
    period: JSON = {"start": date_text(first.at)}
    if not draft.alive:
        period["end"] = date_text(draft.end)
    participants: list[JSON] = [
        {"role": [snomed(*_FAMILY_DOCTOR)], "member": doctor, "period": period},
        {"role": [snomed(*_PATIENT)], "member": draft.patient},
    ]
    for course in courses:
        if course.area.practice is not None and course.area.role[0]:
            known = working_as(course.area.practice)
            member = draft.staff.reference("Practitioner", known[draft.subject.index % len(known)])
            participants.append({"role": [snomed(*course.area.role)], "member": member})
    body: JSON = {
        "status": "active" if draft.alive else "inactive",
        "name": f"Care team of {draft.patient['display']}",
        "subject": draft.patient,
        "period": period,
        "participant": participants,
        "managingOrganization": [draft.organization],
    }
    return draft.add("CareTeam", "us-core-careteam", first.end, body)


def _write_goal(draft: Draft, course: Course, target: Target) -> JSON:
    visit = draft.visit_at(course.diagnosed)
    latest = draft.visits[-1]
    bound = {"low" if target.at_least else "high": quantity(target.value, target.unit)}
    body: JSON = {
        "lifecycleStatus": "active" if draft.alive else "cancelled",
        "achievementStatus": hl7("goal-achievement", "in-progress", "In Progress"),
        "description": {"text": target.text},
        "subject": draft.patient,
        "startDate": date_text(visit.at),
        "target": [
            {"measure": loinc(target.measure), "detailRange": bound, "dueDate": date_text(latest.at + 180 * DAY)}
        ],
        "expressedBy": visit.practitioner,
        "addresses": [course.condition],
    }
    reference = draft.add("Goal", "us-core-goal", visit.end, body)
    return reference | {"display": target.text}


def _narrative(courses: list[Course]) -> str:
    rows = [(course.condition["display"], course.area.advice) for course in courses]
    items = "".join(f"<li><b>{escape(problem)}</b>: {escape(advice)}</li>" for problem, advice in rows)
    told = f"<ul>{items}</ul>" if items else "<p>Healthy; next check-up as usual.</p>"
    return f'<div xmlns="http://www.w3.org/1999/xhtml"><p><b>Assessment and plan</b></p>{told}</div>'


@cache
def _assess_plan() -> JSON:
    return concept(f"{US_CORE}CodeSystem/careplan-category", "assess-plan", "Assessment and Plan of Treatment")
