"""IN1 and IN2 as Coverages. All IN1 of a message are all that the patient has (a snapshot), in order of IN1-1."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import authority_system, human_name, integer, when
from mockehr.hl7.accept.intents import Context, Listing, reference
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment, part
from mockehr.hl7.terms import IDENTIFIER_TYPE

SUBSCRIBER: Final = "http://terminology.hl7.org/CodeSystem/subscriber-relationship"
COVERAGE_CLASS: Final = "http://terminology.hl7.org/CodeSystem/coverage-class"
_RELATION: Final = {"SEL": "self", "18": "self", "SELF": "self", "S": "self", "01": "self", "SPO": "spouse",
                    "CHD": "child", "SON": "child", "DAU": "child", "PAR": "parent", "MTH": "parent", "FTH": "parent",
                    "OTH": "other"}  # fmt: skip
INSURED: Final = MappingProxyType({"self": "SEL", "spouse": "SPO", "child": "CHD", "parent": "PAR", "other": "OTH"})
"""Subscriber-relationship to IN1-17 (table 0063)."""


def coverages(message: Message, context: Context, patient: str = "patient") -> list[Listing]:
    """Coverages from all IN1, each with the IN2 that follows it."""
    pairs: list[tuple[Segment, Segment | None]] = []
    for segment in message.segments:
        if segment.id == "IN1":
            pairs.append((segment, None))
        elif segment.id == "IN2" and pairs:
            pairs[-1] = (pairs[-1][0], segment)
    if not pairs:
        return []
    items = [
        item
        for order, (in1, in2) in enumerate(pairs, 1)
        if (item := _coverage(in1, in2, order if len(pairs) > 1 else 0, context, patient))
    ]
    retired = _cancelled if context.dialect.lists == "snapshot" else None
    return [Listing("Coverage", patient, tuple(items), _same, _merged, _current, retired, "coverage")]


def _coverage(in1: Segment, in2: Segment | None, order: int, context: Context, patient: str) -> JSON | None:
    payor = _payor(in1)
    if payor is None:
        return None
    item: JSON = {"status": "active", "beneficiary": reference(patient), "payor": [payor]}
    member = in1.text(36, 1, 1) or (in2.text(61, 1, 1) if in2 is not None and in2.has(61) else "")
    if member and member != '""':
        item["subscriberId"] = member
        kind = {"coding": [{"system": IDENTIFIER_TYPE, "code": "MB"}]}
        system = payor.get("identifier", {}).get("system", "")
        item["identifier"] = [{"type": kind, "value": member} | ({"system": system} if system else {})]
    relation = _RELATION.get(in1.text(17, 1, 1).upper(), "other") if in1.has(17) else ""
    if relation:
        item["relationship"] = {"coding": [{"system": SUBSCRIBER, "code": relation}]}
    holder = human_name(in1.repetitions(16)[0]) if in1.has(16) else None
    if holder and relation != "self":
        shown = ", ".join(piece for piece in (holder.get("family", ""), *holder.get("given", [])[:1]) if piece)
        item["subscriber"] = {"display": shown}
    period = {name: text for name, field in (("start", 12), ("end", 13)) if (text := when(in1, field, context))}
    if period:
        item["period"] = period
    classes = _classes(in1)
    if classes:
        item["class"] = classes
    if in1.has(15):
        item["type"] = {"text": in1.text(15, 1, 1)}
    place = integer(in1.text(22, 1, 1))
    if place:
        item["order"] = place
    elif order:
        item["order"] = order
    return item


def _payor(in1: Segment) -> JSON | None:
    """IN1-3 and IN1-4 as a logical reference to an Organization."""
    found: JSON = {"type": "Organization"}
    numbers = [one for one in in1.repetitions(3) if part(one, 1)]
    if numbers:
        system = authority_system(numbers[0], 4)
        found["identifier"] = {"value": part(numbers[0], 1)} | ({"system": system} if system else {})
    if in1.has(4):
        found["display"] = in1.text(4, 1, 1)
    return found if len(found) > 1 else None


def _classes(in1: Segment) -> list[JSON]:
    found: list[JSON] = []
    if in1.has(8) or in1.has(9):
        found.append(_class("group", in1.text(8, 1, 1), in1.text(9, 1, 1)))
    plan, name = (in1.text(2, 1, place) for place in (1, 2))
    if plan and plan != '""':
        found.append(_class("plan", plan, name))
    return found


def _class(kind: str, number: str, name: str) -> JSON:
    found: JSON = {"type": {"coding": [{"system": COVERAGE_CLASS, "code": kind}]}, "value": number or name}
    return found | ({"name": name} if name else {})


def _same(stored: JSON, told: JSON) -> bool:
    """The same member number, or the same payer where one of them has none."""
    ours, theirs = stored.get("subscriberId"), told.get("subscriberId")
    if ours and theirs:
        return bool(ours == theirs)
    names = [_payer_names(one) for one in (stored, told)]
    return bool(names[0] & names[1])


def _payer_names(coverage: JSON) -> set[str]:
    found = set()
    for payor in coverage.get("payor", []):
        found |= {payor.get("display", "").casefold(), payor.get("identifier", {}).get("value", "")}
    return found - {""}


def _merged(stored: JSON, told: JSON) -> JSON:
    """What is told is added to what is known; who pays, and the classes known, stay where they are the same."""
    found: dict[str, Any] = {**told, **stored, "status": "active"}
    if "period" in told:
        found["period"] = {**stored.get("period", {}), **told["period"]}
    known = {one.get("value") for one in stored.get("class", [])}
    if not known.issuperset(one["value"] for one in told.get("class", [])):
        found["class"] = told["class"]
    if "payor" in told and not _payer_names(stored) & _payer_names(told):
        found["payor"] = told["payor"]
    return found


def _current(coverage: JSON) -> bool:
    return coverage.get("status") == "active"


def _cancelled(coverage: JSON) -> JSON:
    return {**coverage, "status": "cancelled"}
