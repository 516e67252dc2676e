"""Immunizations that fit the age at which they were given and the years in which the product was used."""

from __future__ import annotations

from functools import cache
from typing import Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import hl7, quantity, vaccine
from mockehr.population.chart.draft import Draft
from mockehr.population.chart.times import DAY, YEAR, date_text, instant_text

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
_DECLINED: Final = 0.05


def write_immunizations(draft: Draft) -> None:
    """Append what was given since the patient became known, and for children all since birth."""
    dice = draft.stream("immunizations")
    known = draft.visits[0].at
    for code, at in sorted(_given(draft, dice, known), key=lambda dose: dose[1]):
        if at < draft.end - DAY:
            _write(draft, dice, code, at, known)


def _given(draft: Draft, dice: Stream, known: float) -> list[tuple[str, float]]:
    born, end = draft.born, draft.end
    age = draft.age(end)
    doses: list[tuple[str, float]] = []
    if age < 19:
        doses += [(code, born + days * DAY + dice.random() * 9 * DAY) for code, days in _CHILDHOOD]
    for visit in draft.visits:
        # influenza from October to January, at visits of those months
        month = (visit.at / YEAR % 1.0) * 12
        if visit.contact is None and (month >= 9 or month < 1) and draft.age(visit.at) > 0.6 and dice.chance(0.7):
            doses.append(("197" if draft.age(visit.at) >= 65 else "150", visit.at))
    spread = max(end - known, 0.0)
    if age >= 19 and dice.chance(0.6):
        doses.append(("115", known + dice.random() * spread))
    if age >= 12 and end > _COVID_STARTS + YEAR and dice.chance(0.75):
        first = max(_COVID_STARTS + dice.uniform(20, 200) * DAY, born + 12 * YEAR)
        doses += [("208", first), ("208", first + 22 * DAY)]
    if age >= 52 and dice.chance(0.5):
        start = max(known, born + 50 * YEAR, 1514764800.0)  # licensed at the end of 2017
        doses += [("187", start + dice.random() * 0.6 * max(end - start, 0.0))]
    if age >= 66 and dice.chance(0.6):
        start = max(known, born + 65 * YEAR)
        doses.append(("33", start + dice.random() * 0.6 * max(end - start, 0.0)))
    return doses


def _write(draft: Draft, dice: Stream, code: str, at: float, known: float) -> None:
    declined = dice.chance(_DECLINED)
    here = at >= known
    visit = draft.visit_at(at)
    body: JSON = {"status": "not-done" if declined else "completed"}
    if declined:
        body["statusReason"] = hl7("v3-ActReason", "PATOBJ", "patient objection")
    body["vaccineCode"] = vaccine(code)
    body["patient"] = draft.patient
    if here and 0 <= at - visit.at < DAY:
        body["encounter"] = visit.reference
    body["occurrenceDateTime"] = instant_text(at) if here else date_text(at)
    body["recorded"] = instant_text(max(at, known))
    body["primarySource"] = here
    if not declined and here:
        body["lotNumber"] = f"{dice.choice('ABDEHKLU')}{dice.between(1000, 9999)}{dice.choice('ABCD')}"
        body["site"] = _site()
        body["doseQuantity"] = quantity(0.5, "mL")
        performer = visit.practitioner
        body["performer"] = [{"function": _administers(), "actor": performer}]
    if not here:
        body["reportOrigin"] = _elsewhere()
    draft.add("Immunization", "us-core-immunization", max(at, known), body)


@cache
def _site() -> JSON:
    return hl7("v3-ActSite", "LA", "left arm")


@cache
def _administers() -> JSON:
    return hl7("v2-0443", "AP", "Administering Provider")


@cache
def _elsewhere() -> JSON:
    return hl7("immunization-origin", "provider", "Other Provider")
