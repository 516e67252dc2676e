"""OBX-5 by its type in OBX-2 (HL7 v2 chapter 2A) as the value of an Observation.

Production breaks the types: `<5` and `POSITIVE` as NM, `5+` as SN, no OBX-2 at all. What is understood becomes what
it means, the rest stays the text that it is, and is warned of; a strict receiver refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import concept, when
from mockehr.hl7.accept.intents import Context
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.segment import Repetition, Segment, part
from mockehr.hl7.stamps import to_fhir
from mockehr.hl7.terms import UCUM

_DECIMAL: Final = r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(?:[eE][+-]?[0-9]{1,2})?"
_NUMBER: Final = re.compile(rf"\s*+(<=|>=|<|>)?\s*+({_DECIMAL})\s*+")
_PAIR: Final = re.compile(rf"\s*+({_DECIMAL})\s*+([-:/])\s*+({_DECIMAL})\s*+")
_PLUS: Final = re.compile(rf"\s*+({_DECIMAL})\s*+\+\s*+")
_RANGE: Final = re.compile(rf"[\[(]?\s*+({_DECIMAL})\s*+(?:-|–|to)\s*+({_DECIMAL})(?:\s*+[\])])?(?:\s++[^\d\s]\S*+)?")
_BOUND: Final = re.compile(rf"\s*+(<=?|>=?|≤|≥)\s*+({_DECIMAL})(?:\s++(?:[^\d\s]\S*+)?)?")
_EMPTY_RANGE: Final = re.compile(r"[\s\[\]()-]*")
_DIGITS: Final = 15
"""Digits that a JSON number keeps; what is longer is no measurement but an identifier, and stays text."""
_COMPARATORS: Final = frozenset({"<", "<=", ">", ">="})
Value = tuple[str, Any]
"""Name of the FHIR element, and its value."""


def value(obx: Segment, context: Context, sequence: int, warnings: list[Fault] | None = None) -> Value | None:
    """The value of an OBX, or None if OBX-5 is empty or white space. ED and RP are no values (see `documents`).

    Faults: 101 if OBX-2 is missing beside a value, 103 if its type is unknown, 102 if the value does not fit it. They
    are added to `warnings`, or raised as a Rejection if the context is strict.
    """
    if not obx.has(5):
        return None
    kind = obx.text(2, 1, 1).strip().upper()
    try:
        return _reader(kind, sequence)(obx, context, sequence)
    except Rejection as rejection:
        if context.strict:
            raise
        if warnings is not None:
            warnings += [replace(fault, severity="W") for fault in rejection.faults]
    if not kind and obx.has(6) and _NUMBER.fullmatch(obx.text(5)):
        return _numeric(obx, context, sequence)
    return _text(obx, context, sequence)


def number(text: str) -> int | float:
    """A decimal as JSON has it: `065` gives 65, `.5` gives 0.5."""
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def quantity(amount: str, obx: Segment, comparator: str = "") -> JSON:
    """A Quantity with the units of OBX-6."""
    found: JSON = {"value": number(amount)}
    if comparator:
        found["comparator"] = comparator
    return found | (_units(obx.repetitions(6)[0]) if obx.has(6) else {})


def reference_range(obx: Segment) -> list[JSON] | None:
    """OBX-7 as referenceRange: text always, bounds where it has a form that is understood."""
    text = obx.text(7, 1, 1) if obx.has(7) else ""
    if _EMPTY_RANGE.fullmatch(text):
        return None
    found: JSON = {"text": text}
    both, one = _RANGE.fullmatch(text.strip()), _BOUND.fullmatch(text)
    if both:
        found |= {"low": {"value": number(both[1])}, "high": {"value": number(both[2])}}
    elif one:
        found["high" if one[1][0] in "<≤" else "low"] = {"value": number(one[2])}
    return [found]


def lines_of(obx: Segment) -> str:
    """The text of OBX-5: a repetition is a new line, as are `\\.br\\` and escaped carriage returns."""
    text = "\n".join(obx.texts(5))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _reader(kind: str, sequence: int) -> Reader:
    if not kind:
        raise Rejection("AE", Fault(101, "OBX", sequence, 2, text="OBX-2 (value type) is empty, but OBX-5 is not"))
    if kind not in _READERS:
        text = f"OBX-2 is {kind!r}, not one of {', '.join(_READERS)}"
        raise Rejection("AE", Fault(103, "OBX", sequence, 2, text=text))
    return _READERS[kind]


def _units(units: Repetition) -> JSON:
    code, text, system = part(units, 1), part(units, 2), part(units, 3)
    found: JSON = {"unit": text or code} if text or code else {}
    if system == "UCUM" and code:
        found |= {"system": UCUM, "code": code}
    return found


def _misfit(obx: Segment, sequence: int, kind: str) -> Rejection:
    return Rejection("AE", Fault(102, "OBX", sequence, 5, text=f"OBX-5 is {obx.text(5)!r}, which is no {kind}"))


def _numeric(obx: Segment, context: Context, sequence: int) -> Value:
    """NM; a comparator before the number is understood, as it is all over production."""
    found = _NUMBER.fullmatch(obx.text(5))
    if found is None or len(found[2]) > _DIGITS:
        raise _misfit(obx, sequence, "number (NM)")
    return "valueQuantity", quantity(found[2], obx, found[1] or "")


def _structured(obx: Segment, context: Context, sequence: int) -> Value:
    """SN: comparator^number^separator^number; a value that has all of it in one component is taken apart."""
    item = obx.repetitions(5)[0]
    comparator, first, separator, second = (part(item, place).strip() for place in range(1, 5))
    if len(item) == 1 and not context.strict:
        comparator, first, separator, second = _apart(comparator)
    if not all(_NUMBER.fullmatch(piece) for piece in (first, second) if piece) or not first:
        raise _misfit(obx, sequence, "structured numeric (SN)")
    if separator == "-" and second:
        return "valueRange", {"low": quantity(first, obx), "high": quantity(second, obx)}
    if separator in (":", "/") and second:
        return "valueRatio", {"numerator": {"value": number(first)}, "denominator": {"value": number(second)}}
    if separator == "+":
        return "valueString", f"{first}+"
    return "valueQuantity", quantity(first, obx, comparator if comparator in _COMPARATORS else "")


def _apart(text: str) -> tuple[str, str, str, str]:
    """`<5`, `5+`, `2.4-2.8` and `1:128` as the four components of SN."""
    one, plus, pair = _NUMBER.fullmatch(text), _PLUS.fullmatch(text), _PAIR.fullmatch(text)
    if one:
        return one[1] or "", one[2], "", ""
    if plus:
        return "", plus[1], "+", ""
    return ("", pair[1], pair[2], pair[3]) if pair else ("", "", "", "")


def _text(obx: Segment, context: Context, sequence: int) -> Value | None:
    """ST, TX and FT."""
    text = lines_of(obx)
    return ("valueString", text) if text.strip() else None


def _joined(obx: Segment, context: Context, sequence: int) -> Value | None:
    """A name, an address, a number with its authority: the components that say something."""
    said = [" ".join(piece for pieces in item for piece in pieces if piece) for item in obx.repetitions(5)]
    return ("valueString", "\n".join(said)) if any(said) else None


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


def _composite(obx: Segment, context: Context, sequence: int) -> Value:
    """CQ: quantity^units."""
    item = obx.repetitions(5)[0]
    found = _NUMBER.fullmatch(part(item, 1))
    if found is None:
        raise _misfit(obx, sequence, "quantity with units (CQ)")
    own = [[piece] for piece in item[1]] if len(item) > 1 else []
    return "valueQuantity", quantity(found[2], obx, found[1] or "") | _units(own)


def _moment(obx: Segment, context: Context, sequence: int) -> Value:
    return "valueDateTime", when(obx, 5, context, sequence=sequence)


def _period(obx: Segment, context: Context, sequence: int) -> Value:
    """DR: start^end."""
    item = obx.repetitions(5)[0]
    try:
        ends = [part(item, place) and to_fhir(part(item, place), context.dialect.offset) for place in (1, 2)]
    except ValueError:
        raise _misfit(obx, sequence, "date range (DR)") from None
    return "valuePeriod", {name: end for name, end in zip(("start", "end"), ends, strict=True) if end}


def _time(obx: Segment, context: Context, sequence: int) -> Value:
    digits = re.split(r"[.+-]", obx.text(5, 1, 1))[0]
    if not re.fullmatch(r"([01]\d|2[0-3])[0-5]\d([0-5]\d)?", digits):
        raise _misfit(obx, sequence, "time (TM)")
    return "valueTime", f"{digits[:2]}:{digits[2:4]}:{digits[4:6] or '00'}"


Reader = Callable[[Segment, Context, int], Value | None]
_READERS: Final[MappingProxyType[str, Reader]] = MappingProxyType(
    {
        **dict.fromkeys(("NM", "SI"), _numeric),
        "SN": _structured,
        **dict.fromkeys(("ST", "TX", "FT", "ID", "IS", "TN", "NA", "MA"), _text),
        **dict.fromkeys(("PN", "XPN", "CN", "XCN", "AD", "XAD", "XTN", "EI", "CX", "CK", "XON", "PL", "HD"), _joined),
        **dict.fromkeys(("CE", "CWE", "CNE", "CF"), _coded),
        **dict.fromkeys(("CQ", "MO"), _composite),
        **dict.fromkeys(("DT", "TS", "DTM"), _moment),
        "DR": _period,
        "TM": _time,
    }
)
