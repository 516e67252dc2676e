"""How a drug is to be taken: sig, dose, route and timing of an order as FHIR Dosage (HL7 v2 chapters 4 and 4A)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import when
from mockehr.hl7.accept.intents import Context
from mockehr.hl7.accept.treatment import Placed, amount, component_time, concepts, one, route
from mockehr.hl7.medication import DOSE, joined_texts, length_of, pattern_code, repeat_of
from mockehr.hl7.segment import Segment, part
from mockehr.hl7.terms import UCUM

_GAP: Final = re.compile(r"[\s&,]+")


def dosage(group: Sequence[Placed], context: Context) -> JSON | None:
    """The instruction of one order, from RXE (or RXO), TQ1 (or the TQ of RXE-1 or ORC-7) and RXR; None without any.

    Raises Rejection (102) for what is no number or time.
    """
    drug = one(group, "RXE") or one(group, "RXO")
    found: JSON = {}
    timing, texts = _timing(group, context)
    if drug is not None:
        sig = 7 if drug[0].id == "RXE" else 6
        texts = [said for item in concepts(drug[0], sig) if (said := _words(item))] + texts
        dose = _dose(*drug)
        if dose:
            found["doseAndRate"] = [dose]
    text = joined_texts(texts)
    if text:
        found["text"] = text
    as_needed = timing.pop("as needed", None)
    if timing:
        found["timing"] = timing
    if as_needed:
        found["asNeededBoolean"] = True
    told, site, method = route(one(group, "RXR"))
    found |= {name: value for name, value in (("route", told), ("site", site), ("method", method)) if value}
    return found or None


def _words(concept: JSON) -> str:
    codings = concept.get("coding", [])
    return str(concept.get("text") or (codings[0]["code"] if codings else ""))


def _dose(drug: Segment, sequence: int) -> JSON:
    """Amount or range, and rate; `1 {dose}` says no more than the sig."""
    low_field, high_field, units = (3, 4, 5) if drug.id == "RXE" else (2, 3, 4)
    low, high = amount(drug, low_field, units, sequence), amount(drug, high_field, units, sequence)
    dose: JSON = {}
    if low and high and low != high:
        dose["doseRange"] = {"low": low, "high": high}
    elif low and low.get("code") != DOSE:
        dose["doseQuantity"] = low
    rate = amount(drug, 23, 24, sequence) if drug.id == "RXE" else None
    if rate:
        per = drug.text(22, 1, 1)
        period = length_of(per) or length_of(f"{per[:1]}{per[1:] or 1}")
        if period:
            dose["rateRatio"] = {"numerator": rate, "denominator": period}
    return dose


def _timing(group: Sequence[Placed], context: Context) -> tuple[JSON, list[str]]:
    """A FHIR Timing (with `as needed` beside its elements), and texts."""
    placed = one(group, "TQ1")
    if placed is not None:
        return _from_tq1(*placed, context)
    for segment_id, field in (("RXE", 1), ("ORC", 7)):
        found = one(group, segment_id)
        if found is not None and found[0].has(field):
            return _from_tq(found[0], field, found[1], context)
    return {}, []


def _from_tq1(tq1: Segment, sequence: int, context: Context) -> tuple[JSON, list[str]]:
    patterns = tq1.texts(3, 1)
    if "PRN" in tq1.texts(9, 1):
        patterns.append("PRN")
    start, end = when(tq1, 7, context, sequence=sequence), when(tq1, 8, context, sequence=sequence)
    length = _length(tq1, sequence)
    texts = [tq1.text(field) for field in (10, 11) if tq1.has(field)]
    return _scheduled(patterns, start, end, length), texts


def _length(tq1: Segment, sequence: int) -> JSON | None:
    found = amount(tq1, 6, 0, sequence)
    if found is None:
        return None
    unit = tq1.text(6, 1, 2, 1)
    spelled = length_of(f"{unit[:1].upper()}1") if unit else None
    code = {"min": "min", "mo": "mo", "wk": "wk"}.get(unit) or (spelled["code"] if spelled else unit)
    return {**found, "unit": code, "system": UCUM, "code": code} if code else None


def _from_tq(segment: Segment, field: int, sequence: int, context: Context) -> tuple[JSON, list[str]]:
    """TQ of one field: interval in its second component, duration, start, end, priority and text in the others."""
    patterns = [part(item, 2) for item in segment.repetitions(field)]
    if segment.text(field, 1, 6, 1) == "PRN":
        patterns.append("PRN")
    start = component_time(segment, field, 4, context, sequence)
    end = component_time(segment, field, 5, context, sequence)
    length = length_of(segment.text(field, 1, 3, 1))
    texts = [text for component in (7, 8) if (text := segment.text(field, 1, component))]
    return _scheduled(patterns, start, end, length), texts


def _scheduled(patterns: Sequence[str], start: str, end: str, length: JSON | None) -> JSON:
    codes = [code for pattern in patterns for code in _GAP.split(pattern) if code]
    found: JSON = {}
    if any(code.upper().startswith("PRN") for code in codes):
        found["as needed"] = True
    named = [code for code in codes if not code.upper().startswith("PRN")]
    repeat: JSON = {}
    if named:
        found["code"] = pattern_code(" ".join(named))
        repeat = (repeat_of(named[0]) if len(named) == 1 else None) or {}
    if start or end:
        repeat["boundsPeriod"] = {name: value for name, value in (("start", start), ("end", end)) if value}
    elif length:
        repeat["boundsDuration"] = length
    return {**found, **({"repeat": repeat} if repeat else {})}
