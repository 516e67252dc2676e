"""Records that this site's users may not see are shown, marked as redacted, instead of left out. Sources: notes.md.

What the mark looks like was not found: here it is FHIR's own security label, and the word where a text stood.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.dresser import Dresser

LABEL: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
WORD: Final = "redacted"
_KEPT: Final = frozenset(
    {
        "resourceType",
        "id",
        "meta",
        "status",
        "docStatus",
        "clinicalStatus",
        "verificationStatus",
        "category",
        "intent",
    }
    | {"subject", "patient", "encounter", "context", "recordedDate", "authoredOn", "date", "issued"}
)
"""Elements of a redacted record that stay: that there is one, whose, of what kind and of when."""
_WORDED: Final = ("code", "medicationCodeableConcept", "type")
"""Elements in whose place the word stands."""


def redacted(made: JSON, dresser: Dresser, tables: Mapping[str, Any]) -> JSON:
    """The record, or what is left of it where it is one of the share that nobody here may see."""
    share = float(tables["redacted_share"])
    kind = str(made["resourceType"])
    if not share or kind not in tables["redacted_types"]:
        return made
    if dresser.stream("redacted", kind, str(made["id"])).random() >= share:
        return made
    kept = {name: value for name, value in made.items() if name in _KEPT}
    for name in _WORDED:
        if name in made or (name == _WORDED[1] and "medicationReference" in made):
            kept[name] = {"text": WORD}
    if kind == "Observation":
        kept["dataAbsentReason"] = {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "masked"}],
            "text": WORD,
        }
    if kind == "DocumentReference":
        kept["content"] = [{"attachment": {"title": WORD}}]
    label = {"system": LABEL, "code": "REDACTED", "display": WORD}
    kept["meta"] = {**made.get("meta", {}), "security": [label]}
    return kept
