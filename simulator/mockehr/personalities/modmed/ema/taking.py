"""Records on their way in through the EMA API. Sources: notes.md of modmed, section EMA writes."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote

from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem
from mockehr.personalities.modmed.ema.wording import (
    PMS,
    RECORD_NUMBER,
    STANDARD,
    STANDARD_EXTENSIONS,
    TRANSACTION,
    as_number,
    inner_id,
    refusal,
)
from mockehr.personalities.proprietary import Records

WRITTEN: Final = frozenset(
    {
        *("AllergyIntolerance", "Appointment", "ChargeItem", "Composition", "Condition", "Coverage"),
        *("DocumentReference", "MedicationStatement", "Organization", "Patient", "Practitioner", "Task"),
    }
)
"""Types that can be written."""


def taken(told: JSON, base: str) -> JSON:
    """What a client wrote, as it is stored: relative references, systems by their URIs, numbers as such.

    `base` is the absolute URL that record types stand below.
    """
    made: JSON = {name: _copy(value, name, base) for name, value in told.items() if name not in ("id", "meta")}
    if "minutesDuration" in made:
        made["minutesDuration"] = as_number(made["minutesDuration"])
    if made.get("resourceType") == "Condition":
        for one in _codings(made.get("clinicalStatus")):
            one["code"] = str(one.get("code", "")).lower()
    if made.get("resourceType") == "Patient" and isinstance(made.get("identifier"), list):
        made["identifier"] = [_identifier(one) for one in made["identifier"] if _is_told(one)]
    return made


def duplicate(told: JSON, records: Records) -> Problem | None:
    """The refusal of a charge that was sent before, by its `transactionId`; a charge must have one."""
    if told.get("resourceType") != "ChargeItem":
        return None
    listed = told.get("identifier")
    found = listed if isinstance(listed, list) else ()
    names = [str(one.get("value", "")) for one in found if isinstance(one, dict) and one.get("system") == TRANSACTION]
    if not names or not names[0]:
        return refusal(422, "transactionId is required")
    if "|" in names[0] or "," in names[0] or len(names[0]) > 100:
        return refusal(422, "transactionId is malformed")
    known = any(
        one.get("system") == TRANSACTION and one.get("value") == names[0]
        for charge in records.written("ChargeItem", 0.0)
        for one in charge.get("identifier", ())
    )
    return refusal(422, f"A charge with transactionId {names[0]} exists already") if known else None


def _copy(node: Any, name: str, base: str) -> Any:
    if isinstance(node, list):
        return [_copy(one, name, base) for one in node]
    if not isinstance(node, dict):
        return node
    made = {key: _copy(value, key, base) for key, value in node.items()}
    reference = made.get("reference")
    if isinstance(reference, str):
        return _relative(made, reference, base)
    if isinstance(made.get("system"), str) and "code" in made:
        made["system"] = STANDARD.get(made["system"], made["system"])
    if name == "extension" and isinstance(made.get("url"), str):
        made["url"] = STANDARD_EXTENSIONS.get(made["url"], made["url"])
    if name == "valueMoney":
        made["value"] = as_number(made.get("value"))
    return made


def _relative(made: JSON, reference: str, base: str) -> JSON:
    """A reference to a record of ours; whatever it was to be shown as is the address again."""
    below = reference.removeprefix(f"{base}/")
    kind, slash, id = below.partition("/")
    if not slash or "/" in id:
        return made
    kept = {name: value for name, value in made.items() if name != "display" or value != reference}
    return {**kept, "reference": f"{kind}/{inner_id(kind, unquote(id))}"}


def _is_told(one: Any) -> bool:
    return not isinstance(one, dict) or one.get("system") != PMS


def _identifier(one: Any) -> Any:
    """The number of a record under its own type, so that others find it as one."""
    if not isinstance(one, dict) or one.get("system") != RECORD_NUMBER:
        return one
    kind = {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}
    return {**one, "type": {"coding": [kind]}}


def _codings(concept: Any) -> list[JSON]:
    listed = concept.get("coding") if isinstance(concept, dict) else None
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
