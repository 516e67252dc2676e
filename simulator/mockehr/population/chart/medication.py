"""What is prescribed and why: MedicationRequests that follow from the problems, and the house's Medications."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import category, drug, hl7, meta, quantity, row, snomed, table
from mockehr.population.chart.course import Course
from mockehr.population.chart.draft import Draft, Visit
from mockehr.population.chart.times import DAY, YEAR, instant_text

_ROUTES: Final = {
    "oral": ("26643006", "Oral route (qualifier value)", "by mouth"),
    "inhalation": ("447694001", "Respiratory tract route (qualifier value)", "inhaled"),
    "subcutaneous": ("34206005", "Subcutaneous route (qualifier value)", "under the skin"),
}
_QUARTER: Final = 90
"""Days of supply of long-term therapy, which is repeated."""
_TIMES: Final = {1: "once daily", 2: "twice daily", 3: "three times daily", 4: "four times daily"}


@cache
def medications() -> tuple[JSON, ...]:
    """The Medication resources of the whole house, ids `d0`, `d1` …, in the order of the table. Never change one."""
    return tuple(
        {
            "resourceType": "Medication",
            "id": f"d{place}",
            "meta": meta("us-core-medication"),
            "code": drug(code),
            "status": "active",
        }
        for place, code in enumerate(table("rxnorm"))
    )


@cache
def _places() -> dict[str, int]:
    return {code: place for place, code in enumerate(table("rxnorm"))}


def write_medications(draft: Draft) -> None:
    """Append the MedicationRequests of every course: long-term therapy, and what a visit gave for some days.

    A course for which nothing may be given is not treated.
    """
    draft.avoid |= {group for course in draft.courses for group in course.area.forbids}
    for course in draft.courses:
        dice = draft.stream(course.area.name, "therapy")
        by_reference = dice.chance(0.5)
        if course.treated is not None:
            _write_therapy(draft, course, by_reference)
    for visit in draft.visits:
        contact = visit.contact
        if contact is None or not contact.drugs or visit.course is None:
            continue
        dice = draft.stream(visit.course.area.name, "short", str(contact.day))
        code = _allowed(draft, contact.drugs, dice.random(), visit)
        if code:
            over = visit.at + contact.drug_days * DAY < draft.end
            status = "completed" if over else "active"
            _write_request(draft, visit, visit.course, code, status, contact.drug_days, dice.chance(0.5))


def _allowed(draft: Draft, options: tuple[str, ...], place: float, visit: Visit) -> str:
    """One of the options, at `place` (0 to 1), that suits the age, that neither an allergy nor another problem
    forbids, and that is not taken already; or ""."""
    taken = {code for course in draft.courses for code in course.drugs}
    age = draft.age(visit.at)
    left = [code for code in options if code not in taken and _suits(row("rxnorm", code), age, draft.avoid)]
    return left[int(place * len(left))] if left else ""


def _suits(entry: Mapping[str, Any], age: float, avoid: frozenset[str]) -> bool:
    fits: bool = entry.get("youngest", 0) <= age < entry.get("oldest", 200)
    return fits and entry.get("class", "") not in avoid


def _write_therapy(draft: Draft, course: Course, by_reference: bool) -> None:
    dice = draft.stream(course.area.name, "lines")
    visits = [visit for visit in draft.visits if visit.at >= course.diagnosed]
    for line, options in enumerate(course.area.therapy):
        place = dice.random()
        # the second line is for courses in the upper half, the third for those in the upper quarter
        if line and course.severity < 1.0 - 0.5**line:
            break
        for visit in visits[min(line, len(visits) - 1) :]:
            code = _allowed(draft, options, place, visit)
            if code:
                break
        else:
            continue
        course.begun[code] = visit.at
        latest = visits[-1]
        if latest is not visit and (dice.chance(0.35) or latest.at - visit.at > YEAR):
            # an older prescription that ran out, and its renewal
            _write_request(draft, visit, course, code, "completed", _QUARTER, by_reference)
            visit = latest
        status = "active" if draft.alive else "stopped"
        course.drugs.append(code)
        _write_request(draft, visit, course, code, status, _QUARTER, by_reference)
    if not course.drugs:
        course.treated = None


def _write_request(
    draft: Draft, visit: Visit, course: Course, code: str, status: str, days: int, by_reference: bool
) -> None:
    entry = row("rxnorm", code)
    body: JSON = {
        "status": status,
        "intent": "order",
        "category": _setting(visit.setting),
        "reportedBoolean": False,
    }
    if by_reference:
        body["medicationReference"] = {"reference": f"Medication/d{_places()[code]}", "display": entry["display"]}
    else:
        body["medicationCodeableConcept"] = drug(code)
    body["subject"] = draft.patient
    body["encounter"] = visit.reference
    body["authoredOn"] = instant_text(visit.at)
    body["requester"] = visit.practitioner
    body["reasonReference"] = [course.condition]
    body["courseOfTherapyType"] = _term(days)
    body["dosageInstruction"] = _dosage(code)
    body["dispenseRequest"] = _dispense(code, days)
    draft.add("MedicationRequest", "us-core-medicationrequest", visit.end, body)
    visit.prescribed.append(f"{entry['display']}, {instruction(code)}")


@cache
def _setting(setting: str) -> list[JSON]:
    if setting == "inpatient":
        return category("medicationrequest-category", "discharge", "Discharge")
    return category("medicationrequest-category", "outpatient", "Outpatient")


@cache
def _term(days: int) -> JSON:
    system = "medicationrequest-course-of-therapy"
    if days >= 90:
        return hl7(system, "continuous", "Continuous long term therapy")
    return hl7(system, "acute", "Short course (acute) therapy")


@cache
def instruction(code: str) -> str:
    """How a drug of the table is taken, in words: `1 tablet by mouth once daily`."""
    entry = row("rxnorm", code)
    name: str = row("ucum", entry["unit"])["unit"]
    amount = entry["amount"]
    many = name if amount == 1 or name in ("mL", "units") else f"{name}s"
    needed = " as needed" if entry.get("as_needed") else ""
    return f"{amount} {many} {_ROUTES[entry['route']][2]} {_TIMES[entry['daily']]}{needed}"


@cache
def _dosage(code: str) -> list[JSON]:
    entry = row("rxnorm", code)
    number, display, _ = _ROUTES[entry["route"]]
    dosage: dict[str, Any] = {
        "sequence": 1,
        "text": instruction(code),
        "timing": {"repeat": {"frequency": entry["daily"], "period": 1, "periodUnit": "d"}},
        "asNeededBoolean": bool(entry.get("as_needed")),
        "route": snomed(number, display),
        "doseAndRate": [{"doseQuantity": quantity(entry["amount"], entry["unit"])}],
    }
    return [dosage]


@cache
def _dispense(code: str, days: int) -> JSON:
    entry = row("rxnorm", code)
    return {
        "numberOfRepeatsAllowed": 3 if days == _QUARTER else 0,
        "quantity": quantity(entry["amount"] * entry["daily"] * days, entry["unit"]),
        "expectedSupplyDuration": quantity(days, "d"),
    }
