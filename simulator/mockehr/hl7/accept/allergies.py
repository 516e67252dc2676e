"""AL1 as AllergyIntolerances.

All AL1 of a message are all that the patient has (a snapshot, chapter 2.10.4): what is not listed any more is over. A
single segment of nulls says that there are none; no segment says nothing.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import concept, when
from mockehr.hl7.accept.findings import code, same_code, status, words
from mockehr.hl7.accept.intents import Context, Listing, reference
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment, part

NO_KNOWN: Final = frozenset({"716186003", "409137002", "NKA", "NKDA"})
"""Codes that say that there is no (drug) allergy."""
_NONE_WORDS: Final = frozenset({"nka", "nkda", "nkma", "none", "no known allergies", "no known allergy",
                                "no known drug allergies", "no known drug allergy"})  # fmt: skip
_DRUGS_ONLY: Final = frozenset({"nkda", "nkma", "no known drug allergies", "no known drug allergy"})
ALLERGY_CATEGORY: Final = MappingProxyType(
    {"DA": "medication", "FA": "food", "EA": "environment", "AA": "environment", "PA": "environment",
     "LA": "environment"}
)  # fmt: skip
"""AL1-2 (table 0127) to allergy-intolerance-category."""
ALLERGY_SEVERITY: Final = MappingProxyType({"SV": "severe", "MO": "moderate", "MI": "mild"})
"""AL1-4 (table 0128) to reaction-event-severity."""


def allergies(message: Message, context: Context, patient: str = "patient") -> list[Listing]:
    """AllergyIntolerances from all AL1. `NKA` and its like are no allergies: they say that the list is empty."""
    segments = message.all("AL1")
    if not segments:
        return []
    items, drugs_only = [], False
    for al1 in segments:
        said = concept(al1.repetitions(3)[0]) if al1.has(3) else None
        if said is None:
            continue
        if words(said) & _NONE_WORDS:
            drugs_only = bool(words(said) & _DRUGS_ONLY)
        else:
            items.append(_allergy(al1, said, context, patient))

    def within(stored: JSON) -> bool:
        if items:
            return True
        spared = set(stored.get("category", [])) - {"medication"} if drugs_only else set()
        return not _says_none(stored) and not spared

    retired = _inactive if context.dialect.lists == "snapshot" else None
    return [Listing("AllergyIntolerance", patient, tuple(items), same_code, _allergic, within, retired, "allergy")]


def _allergy(al1: Segment, said: JSON, context: Context, patient: str) -> JSON:
    item: JSON = {
        "clinicalStatus": status("allergyintolerance-clinical", "active"),
        "verificationStatus": status("allergyintolerance-verification", "confirmed"),
        "code": said,
        "patient": reference(patient),
    }
    category = ALLERGY_CATEGORY.get(al1.text(2, 1, 1).upper())
    if category:
        item["category"] = [category]
    severity = ALLERGY_SEVERITY.get(al1.text(4, 1, 1).upper())
    texts = [part(one, 2) or part(one, 1) for one in al1.repetitions(5)]
    reactions: list[JSON] = [{"manifestation": [{"text": text}]} for text in texts if text]
    if severity:
        item["criticality"] = "high" if severity == "severe" else "low"
        for reaction in reactions:
            reaction["severity"] = severity
    if reactions:
        item["reaction"] = reactions
    onset = when(al1, 6, context)
    if onset:
        item["onsetDateTime"] = onset
    return item


def _says_none(allergy: JSON) -> bool:
    codes = {coding.get("code") for coding in allergy.get("code", {}).get("coding", [])}
    return bool(codes & NO_KNOWN)


def _allergic(stored: JSON, told: JSON) -> JSON:
    """What is told is added to what is known; reactions by the same words stay as they are."""
    found = {**told, **stored}
    if code(stored.get("clinicalStatus")) != "active":
        found["clinicalStatus"] = told["clinicalStatus"]
    if "criticality" in told and stored.get("criticality") not in (told["criticality"], "unable-to-assess"):
        found["criticality"] = told["criticality"]
    if "reaction" in told and not _manifest(told) <= _manifest(stored):
        found["reaction"] = told["reaction"]
    return found


def _manifest(allergy: JSON) -> set[str]:
    return {
        word
        for reaction in allergy.get("reaction", [])
        for shown in reaction.get("manifestation", [])
        for word in words(shown)
        if word
    }


def _inactive(allergy: JSON) -> JSON:
    if code(allergy.get("verificationStatus")) == "entered-in-error":
        return allergy
    return {**allergy, "clinicalStatus": status("allergyintolerance-clinical", "inactive")}
