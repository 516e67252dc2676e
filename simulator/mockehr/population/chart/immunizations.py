"""Immunizations that fit the age at which they were given and the years in which the product was used."""

from __future__ import annotations

from functools import cache
from typing import Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import hl7, quantity, vaccine
from mockehr.population.chart.draft import Draft, Visit
from mockehr.population.chart.times import DAY, MINUTE, YEAR, date_text, instant_text

_CHILDHOOD: Final = (
    # CVX, age in days
    ("08", 1),
    ("20", 61),
    ("10", 62),
    ("49", 62),
    ("133", 63),
    ("03", 372),
    ("21", 373),
    ("83", 420),
    ("115", 4100),
    ("165", 4110),
    ("114", 4120),
)
_COVID_STARTS: Final = 1609459200.0
"""2021-01-01."""
_ZOSTER_STARTS: Final = 1514764800.0
"""2018-01-01; licensed some weeks before."""
_DECLINED: Final = 0.05


def write_immunizations(draft: Draft) -> None:
    """Append what was given here at check-ups, and what was given elsewhere before (or in campaigns)."""
    dice = draft.stream("immunizations")
    known = draft.visits[0].at
    check_ups = [visit for visit in draft.visits if visit.contact is None]
    doses: list[tuple[str, float, Visit | None]] = []
    for code, at in _elsewhere(draft, dice, known):
        doses.append((code, at, None))
    for code, due in _due(draft, dice, known):
        visit = next((visit for visit in check_ups if visit.at >= due), None)
        if visit is not None:
            doses.append((code, visit.at + 15 * MINUTE, visit))
    doses += [(_influenza(draft, visit), visit.at + 15 * MINUTE, visit) for visit in _autumn(draft, dice, check_ups)]
    for code, at, visit in sorted(doses, key=lambda dose: dose[1]):
        if at < draft.end:
            _write(draft, dice, code, at, visit)


def _elsewhere(draft: Draft, dice: Stream, known: float) -> list[tuple[str, float]]:
    """What others gave: childhood doses before the patient came here, and the campaign of 2021."""
    doses: list[tuple[str, float]] = []
    if draft.age(draft.end) < 19:
        doses += [(code, draft.born + days * DAY) for code, days in _CHILDHOOD if draft.born + days * DAY < known]
    if draft.age(draft.end) >= 12 and draft.end > _COVID_STARTS + YEAR and dice.chance(0.75):
        first = max(_COVID_STARTS + dice.uniform(20, 200) * DAY, draft.born + 12 * YEAR)
        doses += [("208", first), ("208", first + 22 * DAY)]
    return doses


def _due(draft: Draft, dice: Stream, known: float) -> list[tuple[str, float]]:
    """What falls due while the patient is known here; given at the next check-up."""
    age = draft.age(draft.end)
    if age < 19:
        return [(code, draft.born + days * DAY) for code, days in _CHILDHOOD if draft.born + days * DAY >= known]
    doses: list[tuple[str, float]] = []
    if dice.chance(0.6):
        doses.append(("115", known + dice.random() * max(draft.end - known, 0.0)))
    if age >= 52 and dice.chance(0.5):
        doses.append(("187", max(known, draft.born + 50 * YEAR, _ZOSTER_STARTS)))
    if age >= 66 and dice.chance(0.6):
        doses.append(("33", max(known, draft.born + 65 * YEAR)))
    return doses


def _autumn(draft: Draft, dice: Stream, check_ups: list[Visit]) -> list[Visit]:
    """Check-ups from October to January at which influenza vaccine was given."""
    chosen = []
    for visit in check_ups:
        month = (visit.at / YEAR % 1.0) * 12
        if (month >= 9 or month < 1) and draft.age(visit.at) > 0.6 and dice.chance(0.7):
            chosen.append(visit)
    return chosen


def _influenza(draft: Draft, visit: Visit) -> str:
    return "197" if draft.age(visit.at) >= 65 else "150"


def _write(draft: Draft, dice: Stream, code: str, at: float, visit: Visit | None) -> None:
    declined = visit is not None and dice.chance(_DECLINED)
    body: JSON = {"status": "not-done" if declined else "completed"}
    if declined:
        body["statusReason"] = hl7("v3-ActReason", "PATOBJ", "patient objection")
    body["vaccineCode"] = vaccine(code)
    body["patient"] = draft.patient
    if visit is not None:
        body["encounter"] = visit.reference
    recorded = max(at, draft.visits[0].end)
    body["occurrenceDateTime"] = instant_text(at) if visit is not None else date_text(at)
    body["recorded"] = instant_text(draft.clip(recorded))
    body["primarySource"] = visit is not None
    if visit is None:
        body["reportOrigin"] = _other_provider()
    elif not declined:
        body["lotNumber"] = f"{dice.choice('ABDEHKLU')}{dice.between(1000, 9999)}{dice.choice('ABCD')}"
        body["site"] = _site()
        body["doseQuantity"] = quantity(0.5, "mL")
        body["performer"] = [{"function": _administers(), "actor": visit.practitioner}]
    draft.add("Immunization", "us-core-immunization", recorded, body)


@cache
def _site() -> JSON:
    return hl7("v3-ActSite", "LA", "left arm")


@cache
def _administers() -> JSON:
    return hl7("v2-0443", "AP", "Administering Provider")


@cache
def _other_provider() -> JSON:
    return hl7("immunization-origin", "provider", "Other Provider")
