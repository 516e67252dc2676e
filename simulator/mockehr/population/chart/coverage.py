"""Insurance: Medicare from 65 on, Medicaid for some, an employer's plan for the others."""

from __future__ import annotations

from functools import cache
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.population import roster
from mockehr.population.chart.codes import hl7
from mockehr.population.chart.draft import Draft
from mockehr.population.chart.times import YEAR, date_text

MEMBER_NUMBERS: Final = "urn:oid:2.16.840.1.113883.19.5.97"
_TYPOLOGY: Final = "https://nahdo.org/sopt"
_KINDS: Final = (
    # place among roster.PAYERS, Source of Payment Typology, display, plan
    (0, "512", "Commercial Managed Care - PPO", "Choice PPO"),
    (1, "1", "MEDICARE", "Senior Plan"),
    (2, "2", "MEDICAID", "State Health Program"),
)


def write_coverage(draft: Draft) -> None:
    """Append the Coverage that the patient has, or had until death."""
    dice = draft.stream("coverage")
    age = draft.age(draft.end)
    kind = _KINDS[1] if age >= 65 else _KINDS[2] if dice.chance(0.24) else _KINDS[0]
    payer, code, display, plan = kind
    start = max(draft.visits[0].at - dice.random() * 3 * YEAR, draft.born)
    if payer == 1:
        # nobody has it before the 65th birthday
        start = min(max(start, draft.born + 65 * YEAR), draft.end)
    member = f"M{dice.below(10**9):09d}"
    period: JSON = {"start": date_text(start)}
    if not draft.alive:
        period["end"] = date_text(draft.end)
    number, group = f"G{dice.between(1000, 9999)}", f"Employer group {dice.between(1, 60)}"
    if payer:
        group = plan
    child = age < 22 and kind is _KINDS[0]
    body: JSON = {
        "identifier": [{"type": _member(), "system": MEMBER_NUMBERS, "value": member}],
        "status": "active" if draft.alive else "cancelled",
        "type": _type(code, display),
        "subscriberId": member,
        "beneficiary": draft.patient,
        "relationship": hl7("subscriber-relationship", *(("child", "Child") if child else ("self", "Self"))),
        "period": period,
        "payor": [draft.staff.reference("Organization", roster.PAYERS[payer])],
        "class": [_class("group", number, group), _class("plan", f"P{payer + 1:02d}", plan)],
    }
    draft.add("Coverage", "us-core-coverage", max(draft.visits[0].at, start), body)


@cache
def _member() -> JSON:
    return hl7("v2-0203", "MB", "Member Number")


@cache
def _type(code: str, display: str) -> JSON:
    return {"coding": [{"system": _TYPOLOGY, "code": code, "display": display}], "text": display}


def _class(kind: str, value: str, name: str) -> JSON:
    return {"type": hl7("coverage-class", kind, kind.capitalize()), "value": value, "name": name}
