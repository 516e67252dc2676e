"""Allergies and intolerances, or the statement that there are none. They also forbid drugs of their class."""

from __future__ import annotations

from functools import cache
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.population.chart.codes import RXNORM, concept, hl7, row, snomed
from mockehr.population.chart.draft import Draft
from mockehr.population.chart.times import YEAR, date_text, instant_text

_NONE: Final = 0.52
"""Share of patients without a known allergy."""
_YOUNGEST: Final = 1.0
"""Age in years at which the first allergies are known."""
_DRUGS: Final = ("7980", "723", "10180", "1191", "5640", "29046", "2670")
_OTHERS: Final = (
    ("762952008", "Peanut (substance)", "food"),
    ("227037002", "Fish - dietary (substance)", "food"),
    ("70813002", "Milk (substance)", "food"),
    ("256259004", "Pollen (substance)", "environment"),
    ("260154005", "Dog dander (substance)", "environment"),
)
_REACTIONS: Final = (
    ("247472004", "Hives", "mild"),
    ("271807003", "Eruption of skin (disorder)", "mild"),
    ("418290006", "Itching (finding)", "mild"),
    ("267036007", "Dyspnea", "moderate"),
    ("39579001", "Anaphylaxis (disorder)", "severe"),
)
_WEIGHTS: Final = (32, 30, 22, 10, 6)


def write_allergies(draft: Draft) -> None:
    """Append one to three AllergyIntolerances (or "no known allergy") and set `draft.avoid`."""
    dice = draft.stream("allergies")
    # infants have not yet met what they might not bear
    known = next((visit for visit in draft.visits if draft.age(visit.at) >= _YOUNGEST), None)
    visit = known or draft.visits[0]
    recorded: JSON = {
        "recordedDate": instant_text(visit.at),
        "recorder": visit.practitioner,
    }
    if dice.chance(_NONE) or known is None:
        body = _stated(snomed("716186003", "No known allergy")) | {"patient": draft.patient} | recorded
        draft.add("AllergyIntolerance", "us-core-allergyintolerance", visit.at, body)
        return
    avoid = set()
    for place in dice.sample(range(len(_DRUGS) + len(_OTHERS)), dice.weighted((1, 2, 3), (6, 3, 1))):
        severe = dice.weighted(_REACTIONS, _WEIGHTS)
        first = draft.born + _YOUNGEST / 2 * YEAR
        onset = date_text(first + dice.random() * (visit.at - first))
        if place < len(_DRUGS):
            entry = row("ingredients", _DRUGS[place])
            avoid.add(entry["class"])
            code, group = concept(RXNORM, entry["code"], entry["display"]), "medication"
        else:
            number, display, group = _OTHERS[place - len(_DRUGS)]
            code = snomed(number, display)
        body = _stated(code) | {
            "type": "allergy",
            "category": [group],
            "criticality": "high" if severe[2] == "severe" else "low",
            "patient": draft.patient,
            "onsetDateTime": onset,
            **recorded,
            "reaction": _reaction(*severe),
        }
        draft.add("AllergyIntolerance", "us-core-allergyintolerance", visit.at, body)
    draft.avoid = frozenset(avoid)


def _stated(code: JSON) -> JSON:
    return {
        "clinicalStatus": hl7("allergyintolerance-clinical", "active", "Active"),
        "verificationStatus": hl7("allergyintolerance-verification", "confirmed", "Confirmed"),
        "code": code,
    }


@cache
def _reaction(code: str, display: str, severity: str) -> list[JSON]:
    return [{"manifestation": [snomed(code, display)], "severity": severity}]
