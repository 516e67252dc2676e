"""Which problems a patient has, and the Conditions that say so."""

from __future__ import annotations

from itertools import islice
from typing import Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.chart.areas import AREAS
from mockehr.population.chart.codes import US_CORE, category, concept, diagnosis, hl7
from mockehr.population.chart.course import Area, Course
from mockehr.population.chart.draft import Draft, Visit
from mockehr.population.chart.times import DAY, ICD10_STARTS, YEAR, date_text, instant_text

MOST: Final = 6
"""No chart has more problems than this; the least likely ones are left out."""
LONG: Final = 28.0
"""A problem that lasts at least so many days gets onto the problem list; shorter ones are diagnoses of a visit."""
ASSERTED: Final = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"


def prevalence(area: Area, age: float, sex: str) -> float:
    """How likely somebody of that age and sex has the problem."""
    found = 0.0
    for since, women, men in area.prevalence:
        if age < since:
            break
        found = women if sex == "female" else men
    return found


def choose_courses(draft: Draft, since: float) -> list[Course]:
    """Between one and six problems, in the order of AREAS; `since` is when the patient became known here.

    Each area is decided by its own stream. If none comes up, the one that came nearest does. Newborns in their first
    days may have none.
    """
    age = draft.age(draft.end)
    ranked: list[tuple[float, Area, Stream]] = []
    for area in AREAS:
        likely = prevalence(area, age, draft.subject.sex)
        if likely:
            dice = draft.stream(area.name)
            ranked.append((dice.random() / likely, area, dice))
    present = [entry for entry in ranked if entry[0] < 1.0]
    if len(present) > MOST:
        worst = sorted(entry[0] for entry in present)[MOST - 1]
        present = [entry for entry in present if entry[0] <= worst]
    courses = [course for _, area, dice in present if (course := begin(draft, area, dice, since))]
    if courses:
        return courses
    others = sorted((entry for entry in ranked if entry[0] >= 1.0), key=lambda entry: entry[0])
    nearest = (begin(draft, area, dice, since) for _, area, dice in others)
    return list(islice(filter(None, nearest), 1))


def begin(draft: Draft, area: Area, dice: Stream, since: float) -> Course | None:
    """The course of one problem, or None if there was no time for it in this life."""
    severity = dice.random()
    codes, weights = zip(*area.diagnoses, strict=True)
    code = codes[0] if len(codes) == 1 else dice.weighted(codes, weights)
    back = dice.random()
    first = draft.born + area.earliest * YEAR
    if area.chronic:
        latest = draft.end - 60 * DAY
        onset = max(first, latest - back * back * 20 * YEAR)
        ended = None
    else:
        first = max(first, since + DAY, draft.end - 5 * YEAR)
        latest = draft.end - (70 if area.pregnancy else 7) * DAY
        onset = first + back * (latest - first)
        ended = onset + area.lasts * DAY
        if ended >= draft.end:
            ended = None
    if first > latest:
        return None
    return Course(area, code, onset, severity, dice, ended)


def write_problems(draft: Draft) -> None:
    """Append the problem list and one diagnosis per encounter, and link encounters and courses to them."""
    for course in draft.courses:
        if course.area.chronic or course.area.lasts >= LONG:
            _write_problem(draft, course)
    for visit in draft.visits:
        _write_diagnosis(draft, visit)
    if draft.stream("hardship").chance(0.06):
        _write_hardship(draft)


def _write_problem(draft: Draft, course: Course) -> None:
    visit = draft.visit_at(course.diagnosed)
    body = _condition(draft, course.code, course.onset, course.ended, visit)
    body["category"] = category("condition-category", "problem-list-item", "Problem List Item")
    course.condition = draft.add("Condition", "us-core-condition-problems-health-concerns", visit.at, body)
    course.condition["display"] = body["code"]["text"]


def _write_diagnosis(draft: Draft, visit: Visit) -> None:
    course = visit.course
    code, onset, ended = _seen(draft, visit)
    body = _condition(draft, code, onset, ended, visit)
    body["category"] = category("condition-category", "encounter-diagnosis", "Encounter Diagnosis")
    condition = draft.add("Condition", "us-core-condition-encounter-diagnosis", visit.end, body)
    condition["display"] = body["code"]["text"]
    if course is not None and not course.condition:
        course.condition = condition
    encounter = visit.resource
    encounter["reasonReference"] = [course.condition if course is not None else condition]
    encounter["diagnosis"] = [
        {"condition": condition, "use": hl7("diagnosis-role", "DD", "Discharge diagnosis"), "rank": 1}
    ]


def _seen(draft: Draft, visit: Visit) -> tuple[str, float, float | None]:
    """Code, onset and end of what the visit was about."""
    course = visit.course
    if course is not None:
        sharper = visit.contact.sharpens if visit.contact is not None else ""
        if sharper:
            return sharper, visit.at - 2 * DAY, draft.clip(visit.end + 10 * DAY)
        return course.code, course.onset, course.ended
    code = "Z00.129" if draft.age(visit.at) < 18 else "Z00.00"
    return code, visit.at, visit.end


def _condition(draft: Draft, code: str, onset: float, ended: float | None, visit: Visit) -> JSON:
    over = ended is not None and ended < draft.end
    body: JSON = {
        "extension": [{"url": ASSERTED, "valueDateTime": date_text(visit.at)}],
        "clinicalStatus": hl7("condition-clinical", *(("resolved", "Resolved") if over else ("active", "Active"))),
        "verificationStatus": hl7("condition-ver-status", "confirmed", "Confirmed"),
        "category": [],
        "code": diagnosis(code, older=visit.at < ICD10_STARTS),
        "subject": draft.patient,
        "encounter": visit.reference,
        "onsetDateTime": date_text(onset),
    }
    if over and ended is not None:
        body["abatementDateTime"] = date_text(ended)
    body["recordedDate"] = instant_text(visit.at)
    body["recorder"] = visit.practitioner
    return body


def _write_hardship(draft: Draft) -> None:
    visit = draft.visits[-1]
    body = _condition(draft, "Z59.6", visit.at, None, visit)
    body["category"] = [
        concept(f"{US_CORE}CodeSystem/condition-category", "health-concern", "Health Concern"),
        concept(f"{US_CORE}CodeSystem/us-core-category", "sdoh", "SDOH"),
    ]
    draft.add("Condition", "us-core-condition-problems-health-concerns", visit.end, body)
