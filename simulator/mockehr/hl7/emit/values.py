"""An Observation's value as OBX-2 and OBX-5, its units as OBX-6, its range as OBX-7."""

from __future__ import annotations

from typing import Any

from mockehr.core.exchange import JSON
from mockehr.hl7.emit.fields import concept_cwe
from mockehr.hl7.emit.forms import formatted
from mockehr.hl7.emit.outline import Outline
from mockehr.hl7.terms import UCUM
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Component, Field


def obx_value(part: JSON, outline: Outline) -> tuple[str, Field]:
    """(type, value) of an Observation or one of its components; no value has no type, or ST where 2.3 wants one.

    A quantity with a comparator is SN, without NM; text of several lines is FT; a code is CWE from 2.5.1 on and CE
    before; a time is DTM from 2.6 on and TS before.
    """
    name = next((name for name in part if name.startswith("value") and part[name] is not None), "")
    value: Any = part.get(name)
    if name == "valueQuantity":
        amount = _plain(value.get("value"))
        if not amount:
            return _nothing(outline)
        return ("SN", [value["comparator"], amount]) if value.get("comparator") else ("NM", amount)
    if name == "valueInteger":
        return "NM", _plain(value)
    if name == "valueString":
        return _text(value, outline)
    if name == "valueCodeableConcept":
        return "CWE" if at_least(outline.dialect.version, "2.5.1") else "CE", concept_cwe(value)
    if name == "valueBoolean":
        return "ST", "Y" if value else "N"
    if name == "valueDateTime":
        return "DTM" if at_least(outline.dialect.version, "2.6") else "TS", outline.time(value)
    if name == "valueTime":
        return "TM", value.replace(":", "")
    if name == "valueRange":
        return "SN", ["", _bound(value, "low"), "-", _bound(value, "high")]
    if name == "valueRatio":
        return "SN", ["", _bound(value, "numerator"), ":", _bound(value, "denominator")]
    if name == "valuePeriod":
        return "DR", [outline.time(value.get("start", "")), outline.time(value.get("end", ""))]
    if name == "valueSampledData":
        return "ST", str(value.get("data", ""))
    return _nothing(outline)


def units(part: JSON) -> list[Component]:
    """OBX-6 from the quantity, UCUM named where the quantity names it."""
    quantity = part.get("valueQuantity") or part.get("valueRange", {}).get("low") or {}
    if quantity.get("system") == UCUM and quantity.get("code"):
        return [quantity["code"], quantity.get("unit", ""), "UCUM"]
    return [quantity["unit"]] if quantity.get("unit") else []


def range_text(part: JSON) -> str:
    """OBX-7: the first reference range's text, or its bounds."""
    for found in part.get("referenceRange", [])[:1]:
        if found.get("text"):
            return str(found["text"])
        low, high = _bound(found, "low"), _bound(found, "high")
        if low and high:
            return f"{low}-{high}"
        return f">={low}" if low else f"<={high}" if high else ""
    return ""


def _nothing(outline: Outline) -> tuple[str, Field]:
    return ("" if at_least(outline.dialect.version, "2.4") else "ST"), ""


def _text(value: str, outline: Outline) -> tuple[str, Field]:
    return ("FT", formatted(value, outline)) if "\n" in value else ("ST", value)


def _bound(holder: JSON, name: str) -> str:
    return _plain((holder.get(name) or {}).get("value"))


def _plain(number: Any) -> str:
    """A number without exponent or superfluous `.0`."""
    if number is None:
        return ""
    written = getattr(number, "text", "")  # a decimal that came over FHIR keeps its digits: 5.10 is not 5.1
    if written and "e" not in written.lower():
        return str(written)
    if isinstance(number, float):
        text = f"{number:.10f}".rstrip("0").rstrip(".")
        return text or "0"
    return str(number)
