"""Codes of pharmacy and immunization messages (HL7 v2 chapter 4A) against those of FHIR."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON

MVX: Final = "http://hl7.org/fhir/sid/mvx"
"""Manufacturers of vaccines."""
ROUTE_OTHER: Final = "OTH"
"""Table 0162: what a required RXR-1 says where nobody named a route."""
UNKNOWN_DOSE: Final = frozenset({"999", "0"})
"""RXA-6 where the dose is not known (999) or nothing was given."""
DOSE: Final = "{dose}"
"""UCUM: what a required RXE-5 says where the dose is in the words of the sig alone."""
NOTHING_GIVEN: Final = "998"
"""CVX: no vaccine administered."""

ORDER_CONTROL: Final = MappingProxyType(
    {
        "NW": "active", "XO": "active", "RO": "active", "RL": "active", "OE": "active", "RF": "active",
        "CA": "cancelled", "OC": "cancelled", "CR": "cancelled", "UX": "cancelled",
        "DC": "stopped", "OD": "stopped", "DR": "stopped", "RP": "stopped", "RU": "stopped",
        "HD": "on-hold", "OH": "on-hold", "HR": "on-hold",
    }
)  # fmt: skip
"""ORC-1 (table 0119) to medicationrequest-status; the others leave it to ORC-5."""
OF_A_KNOWN_ORDER: Final = frozenset({"CA", "OC", "CR", "DC", "OD", "DR", "HD", "OH", "HR", "RL", "OE", "RP", "RU"})
"""Values of ORC-1 that change an order and cannot make one."""
ORDER_STATUS: Final = MappingProxyType(
    {"A": "active", "IP": "active", "SC": "active", "CM": "completed", "CA": "cancelled", "DC": "stopped",
     "RP": "stopped", "HD": "on-hold"}
)  # fmt: skip
"""ORC-5 (table 0038) to medicationrequest-status."""
DISPENSE_STATUS: Final = MappingProxyType(
    {**ORDER_STATUS, "A": "in-progress", "IP": "in-progress", "SC": "preparation"}
)
"""The same for the status of a dispense."""
STATUS_CONTROL: Final = MappingProxyType(
    {
        "active": ("NW", "IP"),
        "on-hold": ("HD", "HD"),
        "cancelled": ("CA", "CA"),
        "stopped": ("DC", "DC"),
        "completed": ("SC", "CM"),
        "entered-in-error": ("CA", "CA"),
    }
)
"""medicationrequest-status to ORC-1 and ORC-5; nothing in table 0119 says that an order never was."""
DISPENSED_STATUS: Final = MappingProxyType(
    {"completed": "CM", "in-progress": "IP", "on-hold": "HD", "cancelled": "CA", "stopped": "DC",
     "entered-in-error": "CA", "declined": "CA"}
)  # fmt: skip
"""medicationdispense-status to ORC-5."""
COMPLETION: Final = MappingProxyType({"CP": "completed", "PA": "stopped", "RE": "not-done", "NA": "not-done"})
"""RXA-20 (table 0322) to the status of a MedicationAdministration."""
COMPLETED: Final = MappingProxyType(
    {"completed": "CP", "stopped": "PA", "in-progress": "PA", "not-done": "NA", "entered-in-error": "CP"}
)

_ORIGIN: Final = {"02": "provider", "03": "record", "04": "recall", "05": "jurisdiction", "07": "school",
                  "06": "record", "08": "jurisdiction"}  # fmt: skip
ORIGIN: Final = MappingProxyType(_ORIGIN)
"""RXA-9 (CDC's table NIP001) to immunization-origin; 00 is a new record, 01 says no source."""
SOURCE: Final = MappingProxyType({value: key for key, value in reversed(_ORIGIN.items())})
SOURCES: Final = MappingProxyType(
    {
        "00": "New immunization record",
        "01": "Historical information - source unspecified",
        "02": "Historical information - from other provider",
        "03": "Historical information - from parent's written record",
        "04": "Historical information - from parent's recall",
        "05": "Historical information - from other registry",
        "07": "Historical information - from school record",
    }
)

_DAILY: Final = {"QD": 1, "DAILY": 1, "QDAY": 1, "Q24H": 1, "BID": 2, "TID": 3, "QID": 4}
_WHEN: Final = {"QAM": "MORN", "QPM": "EVE", "QHS": "HS", "HS": "HS"}
_UNITS: Final = {"S": "s", "M": "min", "H": "h", "D": "d", "W": "wk", "L": "mo"}
_LETTERS: Final = MappingProxyType({unit: letter for letter, unit in _UNITS.items()})
_EVERY: Final = re.compile(r"Q([0-9]{0,9})([SMHDWL])")
_TIMES: Final = re.compile(r"([0-9]{1,9})ID")
_ABBREVIATIONS: Final = frozenset({"BID", "TID", "QID", "QD", "QOD", "Q4H", "Q6H"})
_GTS: Final = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"


def repeat_of(pattern: str) -> JSON | None:
    """A repeat pattern of table 0335 (`BID`, `Q6H`, `QHS`) as Timing.repeat; None if it is none that is known."""
    code = pattern.upper()
    if code in _DAILY:
        return {"frequency": _DAILY[code], "period": 1, "periodUnit": "d"}
    if code == "QOD":
        return {"frequency": 1, "period": 2, "periodUnit": "d"}
    if code in _WHEN:
        return {"frequency": 1, "period": 1, "periodUnit": "d", "when": [_WHEN[code]]}
    if code == "ONCE":
        return {"count": 1}
    many, every = _TIMES.fullmatch(code), _EVERY.fullmatch(code)
    if many and int(many[1]):
        return {"frequency": int(many[1]), "period": 1, "periodUnit": "d"}
    if every and every[1] != "0":
        return {"frequency": 1, "period": int(every[1] or 1), "periodUnit": _UNITS[every[2]]}
    return None


def pattern_code(pattern: str) -> JSON:
    """A repeat pattern as Timing.code."""
    code = pattern.upper()
    coding = [{"system": _GTS, "code": code}] if code in _ABBREVIATIONS else []
    return {**({"coding": coding} if coding else {}), "text": pattern}


def pattern_of(timing: JSON) -> str:
    """A FHIR Timing as a repeat pattern of table 0335; empty if that has none for it."""
    code = timing.get("code", {})
    told = [*(coding.get("code", "") for coding in code.get("coding", [])), code.get("text", "")]
    known = next((text for text in told if text and repeat_of(text) is not None), "")
    return known or _pattern(timing.get("repeat", {}))


def _pattern(repeat: JSON) -> str:
    times, period, unit = repeat.get("frequency", 1), repeat.get("period"), repeat.get("periodUnit", "")
    for code, moment in _WHEN.items():
        if repeat.get("when") == [moment]:
            return code
    if repeat.get("count") == 1 and not period:
        return "ONCE"
    if not period or unit not in _LETTERS or repeat.get("timeOfDay") or repeat.get("dayOfWeek"):
        return ""
    if unit == "d" and period == 1:
        return {1: "QD", 2: "BID", 3: "TID", 4: "QID"}.get(times, f"{times}ID")
    if times == 1 and period == int(period):
        return f"Q{int(period)}{_LETTERS[unit]}"
    return ""


def length_of(text: str) -> JSON | None:
    """A duration of data type TQ (`D10`, `W2`) as FHIR Duration; None for what is none."""
    letter, digits = text[:1].upper(), text[1:]
    if letter not in _UNITS or not re.fullmatch("[0-9]{1,9}", digits):
        return None
    unit = _UNITS[letter]
    return {"value": int(digits), "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def length_letters(duration: JSON) -> str:
    """A FHIR Duration as that of data type TQ; empty if its unit or value has no such form."""
    letter, value = _LETTERS.get(duration.get("code", ""), ""), duration.get("value", 0)
    return f"{letter}{int(value)}" if letter and value == int(value) else ""


def joined_texts(texts: Iterable[str]) -> str:
    """What several texts say, each once, on lines of their own."""
    return "\n".join(dict.fromkeys(text for text in texts if text))
