"""When the patient was seen: check-ups, what the problems caused, and the Encounters that hold it all together."""

from __future__ import annotations

from functools import cache
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.population import roster
from mockehr.population.chart.areas.encounter_types import CHECK_UP, GENERAL_EXAM, WELL_CHILD
from mockehr.population.chart.codes import HL7, coding, hl7, snomed
from mockehr.population.chart.course import Course
from mockehr.population.chart.draft import Draft, Visit
from mockehr.population.chart.times import DAY, HOUR, YEAR, instant_text, on_a_weekday
from mockehr.population.professions import EMERGENCY_MEDICINE, INTERNAL_MEDICINE, PRACTICES, Profession

VISIT_NUMBERS: Final = "urn:oid:2.16.840.1.113883.19.5.99"
_CLASSES: Final = {
    "ambulatory": ("AMB", "ambulatory"),
    "emergency": ("EMER", "emergency"),
    "inpatient": ("IMP", "inpatient encounter"),
}
_WAITS: Final = {"inpatient": 0, "emergency": 1, "ambulatory": 2}
_RECENT: Final = 3
"""How many check-ups lie close together at the end of the chart."""


def draw_registration(draft: Draft) -> float:
    """When the patient was first seen here: up to 14 years before the end, and not before birth."""
    life = draft.end - draft.born
    if life < 20 * DAY:
        return draft.born + life / 2
    years = draft.stream("registration").uniform(1.5, 14.0)
    since = max(draft.born + 9 * DAY, draft.end - years * YEAR)
    return on_a_weekday(since, draft.stream("registration", "hour").below(30))


def plan_visits(draft: Draft, since: float) -> None:
    """Set `draft.visits`, in order of time, and when each problem was diagnosed and its treatment began."""
    visits = _check_ups(draft, since)
    for course in draft.courses:
        visits.extend(_contacts(draft, course, since))
    draft.visits = _one_at_a_time(draft, visits)
    for course in draft.courses:
        _diagnose(draft, course)


def _check_ups(draft: Draft, since: float) -> list[Visit]:
    dice = draft.stream("check-ups")
    practitioner = draft.staff.reference("Practitioner", draft.subject.general_practitioner)
    location = draft.staff.reference("Location", draft.subject.site_of_care)
    chronic = any(course.area.chronic for course in draft.courses)
    moments = [since]
    at = draft.end - dice.uniform(6, 150) * DAY
    while at > since + 45 * DAY and len(moments) <= _RECENT:
        moments.append(on_a_weekday(at, dice.below(30)))
        at -= dice.uniform(0.85, 1.15) * _interval(draft.age(at), chronic)
    if at > since + 1.5 * YEAR:
        moments.append(on_a_weekday((since + at) / 2, dice.below(30)))
    made = []
    for moment in moments:
        kind = WELL_CHILD if draft.age(moment) < 18 else GENERAL_EXAM if moment == since else CHECK_UP
        made.append(Visit(moment, moment + HOUR / 2, "ambulatory", kind, practitioner, location))
    return made


def _one_at_a_time(draft: Draft, visits: list[Visit]) -> list[Visit]:
    """The visits in order of time, put off where another one is in the way: a hospital stay comes before a visit,
    and what cannot wait before a check-up. A visit that would come too late is left out."""
    placed: list[Visit] = []
    for visit in sorted(visits, key=lambda one: (_WAITS[one.setting], one.contact is None, one.at)):
        length = visit.end - visit.at
        while other := next((one for one in placed if visit.at < one.end and one.at < visit.end), None):
            long = other.end - other.at > DAY / 2
            visit.at = on_a_weekday(other.end + DAY, 8) if long else other.end + HOUR / 4
            visit.end = visit.at + length
        if visit.end <= draft.end:
            placed.append(visit)
    return sorted(placed, key=lambda one: one.at)


def _interval(age: float, chronic: bool) -> float:
    if age < 2:
        return 100 * DAY
    return 182 * DAY if chronic else 365 * DAY


def _contacts(draft: Draft, course: Course, since: float) -> list[Visit]:
    dice = draft.stream(course.area.name, "contacts")
    made = []
    for contact in course.area.contacts:
        drawn, when, who, quarter = (dice.random() for _ in range(4))
        if drawn >= contact.chance:
            continue
        if contact.day < 0:
            first = max(since, course.onset) + 10 * DAY
            at = first + when * (draft.end - 12 * DAY - first)
        else:
            at = course.onset + contact.day * DAY
        if contact.setting == "ambulatory":
            at = on_a_weekday(at, int(quarter * 30))
        end = at + contact.hours * HOUR
        if at < since + HOUR or end > draft.end - DAY / 2:
            continue
        practitioner, location = _attendance(draft, course, contact.setting, who)
        made.append(Visit(at, end, contact.setting, contact.kind, practitioner, location, course, contact))
    return made


def _attendance(draft: Draft, course: Course, setting: str, who: float) -> tuple[JSON, JSON]:
    """References to who saw the patient for a problem, and where."""
    staff = draft.staff
    practice = course.area.practice
    if setting == "emergency":
        practice = EMERGENCY_MEDICINE
    elif setting == "inpatient" and practice is None:
        practice = INTERNAL_MEDICINE
    if practice is None:
        practitioner, location = draft.subject.general_practitioner, draft.subject.site_of_care
    else:
        known = working_as(practice)
        practitioner = known[int(who * len(known))]
        location = PRACTICES[practitioner][1]
    return staff.reference("Practitioner", practitioner), staff.reference("Location", location)


def _diagnose(draft: Draft, course: Course) -> None:
    """A problem is diagnosed at the first visit after its onset, and treated from then on if that is long-term."""
    visits = draft.visits
    later = next((visit for visit in visits if visit.at >= course.onset), None)
    if later is None:
        course.onset = max(draft.born, visits[-1].at - 20 * DAY)
        later = visits[-1]
    course.diagnosed = later.at
    if course.area.therapy:
        known_before = later is visits[0] and course.onset < later.at - 90 * DAY
        course.treated = course.onset + 60 * DAY if known_before else later.at


@cache
def working_as(practice: Profession) -> tuple[int, ...]:
    """Who of that profession works in the hospital; anybody of it if nobody does."""
    known = [n for n, (profession, _) in enumerate(PRACTICES) if profession is practice]
    return tuple(n for n in known if n not in roster.PRIMARY_CARE) or tuple(known)


@cache
def _class(setting: str) -> JSON:
    return coding(HL7 + "v3-ActCode", *_CLASSES[setting])


@cache
def _participation(setting: str) -> list[JSON]:
    if setting == "ambulatory":
        return [hl7("v3-ParticipationType", "PPRF", "primary performer")]
    return [hl7("v3-ParticipationType", "ATND", "attender")]


@cache
def _hospitalization() -> JSON:
    return {
        "admitSource": hl7("admit-source", "emd", "From accident/emergency department"),
        "dischargeDisposition": hl7("discharge-disposition", "home", "Home"),
    }


def write_encounters(draft: Draft) -> None:
    """Append an Encounter for every visit."""
    for number, visit in enumerate(draft.visits):
        _write_encounter(draft, visit, number)


def _write_encounter(draft: Draft, visit: Visit, number: int) -> None:
    period: JSON = {"start": instant_text(visit.at), "end": instant_text(visit.end)}
    identifier = {
        "use": "official",
        "type": hl7("v2-0203", "VN", "Visit number"),
        "system": VISIT_NUMBERS,
        "value": f"{draft.subject.mrn_number:08d}{number + 1:03d}",
    }
    kind = snomed(*visit.kind)
    body: JSON = {
        "identifier": [identifier],
        "status": "finished",
        "class": _class(visit.setting),
        "type": [kind],
        "subject": draft.patient,
        "participant": [{"type": _participation(visit.setting), "period": period, "individual": visit.practitioner}],
        "period": period,
        "reasonCode": [{"text": _reason(visit)}],
    }
    if visit.setting == "inpatient":
        body["hospitalization"] = _hospitalization()
    body["location"] = [{"location": visit.location, "status": "completed"}]
    body["serviceProvider"] = draft.organization
    visit.reference = draft.add("Encounter", "us-core-encounter", visit.end, body)
    visit.reference["display"] = kind["text"]
    visit.resource = draft.resources[-1]


def _reason(visit: Visit) -> str:
    return visit.complaint or "Check-up"
