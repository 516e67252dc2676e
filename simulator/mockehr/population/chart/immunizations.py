"""Immunizations that fit the age at which they were given and the years in which the product was used."""

from __future__ import annotations

from functools import cache
from typing import Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import hl7, quantity, row, vaccine
from mockehr.population.chart.draft import Draft, Visit
from mockehr.population.chart.times import DAY, MINUTE, YEAR, date_text, instant_text

_CHILDHOOD: Final = (
    # age in days, CVX of what is due then; the schedule of CDC with the doses of one visit together
    (1, ("08",)),
    (61, ("08", "20", "10", "49", "133")),
    (122, ("20", "10", "49", "133")),
    (183, ("08", "20", "10", "133")),
    (372, ("49", "133", "03", "21", "83")),
    (470, ("20",)),
    (560, ("83",)),
    (1510, ("20", "10", "03", "21")),
    (4100, ("115", "165", "114")),
    (4300, ("165",)),
    (5900, ("114",)),
)
_PATIENCE: Final = 21.0
"""Days that a dose may wait for a check-up here; whoever has none by then gets it elsewhere."""
_CONJUGATE_STARTS: Final = 1267401600.0
"""2010-03-01: pneumococcal conjugate vaccine of 13 types replaced that of 7, which is not told of here."""
_QUADRIVALENT: Final = (1372636800.0, 1719792000.0)
"""July of 2013 and of 2024: between them influenza vaccine was quadrivalent, before and after trivalent."""
_HIGH_DOSE: Final = (1593561600.0, 1719792000.0)
"""The same for the high dose: July of 2020 and of 2024."""
_COVID_STARTS: Final = 1609459200.0
"""2021-01-01."""
_COVID_ENDS: Final = 1692000000.0
"""In August of 2023; from September on there were other products."""
_ZOSTER_STARTS: Final = 1514764800.0
"""2018-01-01; licensed some weeks before."""
_DECLINED: Final = 0.05


def write_immunizations(draft: Draft) -> None:
    """Append what was given here at check-ups, and what was given elsewhere before (or in campaigns)."""
    dice = draft.stream("immunizations")
    known = draft.visits[0].at
    check_ups = [visit for visit in draft.visits if visit.contact is None]
    doses: list[tuple[str, float, Visit | None]] = []
    for code, at in _elsewhere(draft, dice):
        doses.append((code, at, None))
    doses += _childhood(draft, check_ups)
    for code, due in _due(draft, dice, known):
        visit = next((visit for visit in check_ups if visit.at >= due), None)
        if visit is not None:
            doses.append((code, visit.at + 15 * MINUTE, visit))
    doses += [(_influenza(draft, visit), visit.at + 15 * MINUTE, visit) for visit in _autumn(draft, dice, check_ups)]
    for code, at, visit in sorted(doses, key=lambda dose: dose[1]):
        if at < draft.end:
            _write(draft, dice, code, at, visit)


def _childhood(draft: Draft, check_ups: list[Visit]) -> list[tuple[str, float, Visit | None]]:
    """The doses of the childhood schedule that are due by the end: given at the next check-up, or elsewhere."""
    if draft.age(draft.end) >= 19:
        return []
    dice = draft.stream("immunizations", "childhood")
    doses: list[tuple[str, float, Visit | None]] = []
    for days, codes in _CHILDHOOD:
        due = draft.born + days * DAY
        late = dice.below(15) * DAY if days > 1 else 0.0
        visit = next((one for one in check_ups if due <= one.at <= due + _PATIENCE * DAY), None)
        at = visit.at + 15 * MINUTE if visit is not None else due + late
        if days == 1 and due >= draft.visits[0].at:
            at, visit = due, None  # given where the child was born
        for code in codes:
            if code != "133" or at >= _CONJUGATE_STARTS:
                doses.append((code, at, visit))
    return doses


def _elsewhere(draft: Draft, dice: Stream) -> list[tuple[str, float]]:
    """What others gave: the campaign of 2021."""
    doses: list[tuple[str, float]] = []
    if draft.age(draft.end) >= 12 and draft.end > _COVID_STARTS + YEAR and dice.chance(0.75):
        first = max(_COVID_STARTS + dice.uniform(20, 200) * DAY, draft.born + 12 * YEAR)
        if first < _COVID_ENDS:
            doses += [("208", first), ("208", first + 22 * DAY)]
    return doses


def _due(draft: Draft, dice: Stream, known: float) -> list[tuple[str, float]]:
    """What falls due while the patient is known here; given at the next check-up."""
    age = draft.age(draft.end)
    if age < 19:
        return []
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
    if draft.age(visit.at) >= 65:
        return "197" if _HIGH_DOSE[0] <= visit.at < _HIGH_DOSE[1] else "135"
    return "150" if _QUADRIVALENT[0] <= visit.at < _QUADRIVALENT[1] else "140"


def _write(draft: Draft, dice: Stream, code: str, at: float, visit: Visit | None) -> None:
    declined = visit is not None and dice.chance(_DECLINED)
    body: JSON = {"status": "not-done" if declined else "completed"}
    if declined:
        body["statusReason"] = hl7("v3-ActReason", "PATOBJ", "patient objection")
    body["vaccineCode"] = vaccine(code)
    body["patient"] = draft.patient
    if visit is not None:
        body["encounter"] = visit.reference
    recorded = at
    if visit is None:
        # what others gave is told of at the next visit
        recorded = next((one.end for one in draft.visits if one.end >= at), 0.0)
        if not recorded:
            return
    body["occurrenceDateTime"] = instant_text(at) if visit is not None else date_text(at)
    body["recorded"] = instant_text(draft.clip(recorded))
    body["primarySource"] = visit is not None
    if visit is None:
        body["reportOrigin"] = _other_provider()
    elif not declined:
        body["lotNumber"] = f"{dice.choice('ABDEHKLU')}{dice.between(1000, 9999)}{dice.choice('ABCD')}"
        body["site"] = _site("LT", "left thigh") if draft.age(at) < 1.2 else _site("LA", "left arm")
        body["doseQuantity"] = quantity(row("cvx", code).get("amount", 0.5), "mL")
        body["performer"] = [{"function": _administers(), "actor": visit.practitioner}]
    draft.add("Immunization", "us-core-immunization", recorded, body)


@cache
def _site(code: str, display: str) -> JSON:
    return hl7("v3-ActSite", code, display)


@cache
def _administers() -> JSON:
    return hl7("v2-0443", "AP", "Administering Provider")


@cache
def _other_provider() -> JSON:
    return hl7("immunization-origin", "provider", "Other Provider")
