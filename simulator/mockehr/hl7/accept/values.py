"""OBX-5 by its type in OBX-2 (HL7 v2 chapter 2A) as the value of an Observation."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import concept, when
from mockehr.hl7.accept.intents import Context
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.segment import Segment, part
from mockehr.hl7.terms import UCUM

_NUMBER: Final = re.compile(r"\s*(<=|>=|<|>)?\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*")
_RANGE: Final = re.compile(r"\s*(-?[\d.]+)\s*-\s*(-?[\d.]+)\s*")
_BOUND: Final = re.compile(r"\s*(<=?|>=?)\s*(-?[\d.]+)\s*")
Value = tuple[str, Any]
"""Name of the FHIR element, and its value."""


def value(obx: Segment, context: Context, sequence: int) -> Value | None:
    """The value of an OBX, or None if OBX-5 is empty.

    Raises Rejection: 101 if OBX-2 is missing beside a value, 103 if its type is unknown, 102 if the value does not
    fit the type.
    """
    if not obx.has(5):
        return None
    kind = obx.text(2, 1, 1)
    if not kind:
        raise Rejection("AE", Fault(101, "OBX", sequence, 2, text="OBX-2 (value type) is empty, but OBX-5 is not"))
    read = _READERS.get(kind)
    if read is None:
        text = f"OBX-2 is {kind!r}, not one of {', '.join(_READERS)}"
        raise Rejection("AE", Fault(103, "OBX", sequence, 2, text=text))
    return read(obx, context, sequence)


def number(text: str) -> int | float:
    """A decimal as JSON has it: `065` gives 65, `.5` gives 0.5."""
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def quantity(amount: str, obx: Segment, comparator: str = "") -> JSON:
    """A Quantity with the units of OBX-6."""
    found: JSON = {"value": number(amount)}
    if comparator:
        found["comparator"] = comparator
    if obx.has(6):
        units = obx.repetitions(6)[0]
        code, text, system = part(units, 1), part(units, 2), part(units, 3)
        if text or code:
            found["unit"] = text or code
        if system == "UCUM" and code:
            found |= {"system": UCUM, "code": code}
    return found


def reference_range(obx: Segment) -> list[JSON] | None:
    """OBX-7 as referenceRange: text always, bounds where it has a form that is understood."""
    text = obx.text(7, 1, 1) if obx.has(7) else ""
    if not text:
        return None
    found: JSON = {"text": text}
    both, one = _RANGE.fullmatch(text), _BOUND.fullmatch(text)
    try:
        if both:
            found |= {"low": {"value": number(both[1])}, "high": {"value": number(both[2])}}
        elif one:
            found["high" if one[1][0] == "<" else "low"] = {"value": number(one[2])}
    except ValueError:
        return [{"text": text}]
    return [found]


def _numeric(obx: Segment, context: Context, sequence: int) -> Value:
    """NM; a comparator before the number is understood, as it is all over production, other text is not."""
    text = obx.text(5)
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise Rejection("AE", Fault(102, "OBX", sequence, 5, text=f"OBX-5 is {text!r}, which is no number (NM)"))
    return "valueQuantity", quantity(found[2], obx, found[1] or "")


def _structured(obx: Segment, context: Context, sequence: int) -> Value:
    """SN: comparator^number^separator^number."""
    item = obx.repetitions(5)[0]
    comparator, first, separator, second = (part(item, place) for place in range(1, 5))
    if not all(_NUMBER.fullmatch(piece) for piece in (first, second) if piece) or not first:
        text = f"OBX-5 is {obx.text(5)!r}, which is no structured numeric (SN)"
        raise Rejection("AE", Fault(102, "OBX", sequence, 5, text=text))
    if separator == "-" and second:
        return "valueRange", {"low": quantity(first, obx), "high": quantity(second, obx)}
    if separator in (":", "/") and second:
        return "valueRatio", {"numerator": {"value": number(first)}, "denominator": {"value": number(second)}}
    if separator == "+":
        return "valueString", f"{first}+"
    return "valueQuantity", quantity(first, obx, "" if comparator == "=" else comparator)


def _text(obx: Segment, context: Context, sequence: int) -> Value:
    """ST, TX and FT: a repetition is a new line."""
    count = len(obx.repetitions(5))
    return "valueString", "\n".join(obx.text(5, place) for place in range(1, count + 1))


def _coded(obx: Segment, context: Context, sequence: int) -> Value:
    items = [found for found in map(concept, obx.repetitions(5)) if found]
    if not items:
        raise Rejection("AE", Fault(101, "OBX", sequence, 5, 1, "OBX-5 has neither code nor text"))
    codings = [coding for item in items for coding in item.get("coding", [])]
    texts = [item["text"] for item in items if "text" in item]
    found: JSON = {"coding": codings} if codings else {}
    if texts:
        found["text"] = "; ".join(texts)
    return "valueCodeableConcept", found


def _moment(obx: Segment, context: Context, sequence: int) -> Value:
    return "valueDateTime", when(obx, 5, context, sequence=sequence)


def _time(obx: Segment, context: Context, sequence: int) -> Value:
    digits = obx.text(5, 1, 1).partition(".")[0]
    if not re.fullmatch(r"([01]\d|2[0-3])[0-5]\d([0-5]\d)?", digits):
        raise Rejection("AE", Fault(102, "OBX", sequence, 5, text=f"OBX-5 is {digits!r}, which is no time (TM)"))
    return "valueTime", f"{digits[:2]}:{digits[2:4]}:{digits[4:6] or '00'}"


def _document(obx: Segment, context: Context, sequence: int) -> Value:
    """ED: an attachment, which belongs to the report and not to an Observation."""
    item = obx.repetitions(5)[0]
    kind, subtype, encoding, data = (part(item, place) for place in range(2, 6))
    if not data:
        raise Rejection("AE", Fault(101, "OBX", sequence, 5, 5, "OBX-5 (ED) has no data"))
    if encoding != "Base64":
        text = f"OBX-5.4 is {encoding!r}; only Base64 is taken"
        raise Rejection("AE", Fault(103, "OBX", sequence, 5, 4, text))
    major = {"AP": "application", "TEXT": "text", "IM": "image"}.get(kind.upper(), kind.lower() or "application")
    attachment: JSON = {"contentType": f"{major}/{subtype.lower() or 'octet-stream'}", "data": "".join(data.split())}
    title = obx.text(3, 1, 2)
    return "attachment", {**attachment, "title": title} if title else attachment


Reader = Callable[[Segment, Context, int], Value]
_READERS: Final[MappingProxyType[str, Reader]] = MappingProxyType(
    {
        "NM": _numeric,
        "SN": _structured,
        "ST": _text,
        "TX": _text,
        "FT": _text,
        "CE": _coded,
        "CWE": _coded,
        "CNE": _coded,
        "DT": _moment,
        "TS": _moment,
        "DTM": _moment,
        "TM": _time,
        "ED": _document,
    }
)
