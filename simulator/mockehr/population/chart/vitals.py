"""Vital signs at every visit: the eight of US Core at first and last, fewer in between."""

from __future__ import annotations

from functools import cache
from typing import Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.population.chart.body import Body, scattered
from mockehr.population.chart.codes import category, hl7, loinc, quantity, snomed, unit
from mockehr.population.chart.draft import Draft, Visit
from mockehr.population.chart.times import MINUTE, instant_text

_SIGNS: Final = {
    # name: LOINC, US Core profile, UCUM unit, decimals
    "hr": ("8867-4", "us-core-heart-rate", "/min", 0),
    "rr": ("9279-1", "us-core-respiratory-rate", "/min", 0),
    "temperature": ("8310-5", "us-core-body-temperature", "Cel", 1),
    "height": ("8302-2", "us-core-body-height", "cm", 1),
    "weight": ("29463-7", "us-core-body-weight", "kg", 1),
    "bmi": ("39156-5", "us-core-bmi", "kg/m2", 1),
}
_REFUSED: Final = 0.012
"""How often a measurement is missing and says why."""


@cache
def _frame(code: str) -> JSON:
    """What all measurements of one kind have in common."""
    return {
        "status": "final",
        "category": category("observation-category", "vital-signs", "Vital Signs"),
        "code": _code(code),
    }


@cache
def _code(code: str) -> JSON:
    if code == "59408-5":
        # the profile wants both: measured by pulse oximetry, and the general code
        both = loinc(code)["coding"] + loinc("2708-6")["coding"]
        return {"coding": both, "text": loinc(code)["text"]}
    return loinc(code)


@cache
def _absent(code: str, display: str) -> JSON:
    return hl7("data-absent-reason", code, display)


def write_vitals(draft: Draft, body: Body) -> None:
    """Append the vital signs of every visit."""
    dice = draft.stream("vitals")
    latest = len(draft.visits) - 1
    for number, visit in enumerate(draft.visits):
        full = number in (0, latest) or visit.contact is not None
        _write_visit(draft, body, visit, full, dice)


def _write_visit(draft: Draft, body: Body, visit: Visit, full: bool, dice: Stream) -> None:
    at = visit.at + 6 * MINUTE
    common: JSON = {
        "subject": draft.patient,
        "encounter": visit.reference,
        "effectiveDateTime": instant_text(draft.clip(at)),
        "issued": instant_text(draft.clip(at + MINUTE)),
        "performer": [visit.practitioner],
    }
    if draft.age(at) >= 3:
        _write_pressure(draft, body, visit, common, at, dice)
    if full:
        _write_sign(draft, visit, "hr", scattered(dice, body.pulse(at), 4), common, dice)
        _write_sign(draft, visit, "rr", scattered(dice, body.breaths(at), 1.2), common, dice)
        heat = scattered(dice, body.moved("temperature", 36.7, at), 0.2)
        _write_sign(draft, visit, "temperature", heat, common, dice)
        _write_saturation(draft, body, visit, common, at, dice)
    if visit.setting == "ambulatory":
        _write_size(draft, body, visit, common, at, dice)


def _write_size(draft: Draft, body: Body, visit: Visit, common: JSON, at: float, dice: Stream) -> None:
    height = round(body.height(at), 1)
    weight = body.mass_index(at) * (height / 100) ** 2
    # clothes and scales: up to half a kilogram, in small children less
    weight = round(weight + (dice.random() - 0.5) * min(1.0, weight / 50), 1)
    growing = draft.age(at) < 19
    if growing or visit is draft.visits[0]:
        _write_sign(draft, visit, "height", height, common, dice)
    if _write_sign(draft, visit, "weight", weight, common, dice):
        _write_sign(draft, visit, "bmi", weight / (height / 100) ** 2, common, dice)


def _write_sign(draft: Draft, visit: Visit, name: str, value: float, common: JSON, dice: Stream) -> bool:
    """Append one measurement; False if it was refused (a body mass index never is: it is computed)."""
    code, profile, ucum, decimals = _SIGNS[name]
    resource = _frame(code) | common
    refused = name != "bmi" and dice.chance(_REFUSED)
    if refused:
        resource["dataAbsentReason"] = _absent("asked-declined", "Asked But Declined")
    else:
        shown = round(value, decimals) if decimals else round(value)
        visit.vitals[name] = shown
        resource["valueQuantity"] = {"value": shown, **unit(ucum)}
    draft.add("Observation", profile, visit.at + 7 * MINUTE, resource)
    return not refused


def _write_pressure(draft: Draft, body: Body, visit: Visit, common: JSON, at: float, dice: Stream) -> None:
    systolic = round(scattered(dice, body.systolic(at), 4))
    diastolic = min(round(scattered(dice, body.diastolic(at), 3)), systolic - 18)
    parts: list[JSON]
    resource = _frame("85354-9") | common
    if dice.chance(_REFUSED):
        reason = _absent("asked-declined", "Asked But Declined")
        parts = [{"code": loinc(code), "dataAbsentReason": reason} for code in ("8480-6", "8462-4")]
        resource["dataAbsentReason"] = reason
    else:
        visit.vitals["sbp"], visit.vitals["dbp"] = systolic, diastolic
        parts = [
            {"code": loinc("8480-6"), "valueQuantity": quantity(systolic, "mm[Hg]")},
            {"code": loinc("8462-4"), "valueQuantity": quantity(diastolic, "mm[Hg]")},
        ]
        resource["bodySite"] = snomed("368208006", "Left upper arm structure (body structure)")
    resource["component"] = parts
    draft.add("Observation", "us-core-blood-pressure", visit.at + 7 * MINUTE, resource)


def _write_saturation(draft: Draft, body: Body, visit: Visit, common: JSON, at: float, dice: Stream) -> None:
    saturation = min(100, round(scattered(dice, body.moved("spo2", 98.0, at), 0.8)))
    resource = _frame("59408-5") | common
    refused = dice.chance(_REFUSED)
    if refused:
        resource["dataAbsentReason"] = _absent("not-performed", "Not Performed")
    else:
        visit.vitals["spo2"] = saturation
        resource["valueQuantity"] = quantity(saturation, "%")
    if not refused and saturation < 93:
        flow = {"code": loinc("3151-8"), "valueQuantity": quantity(2 if saturation > 90 else 3, "L/min")}
        # a nasal cannula: the concentration is not known
        share = {"code": loinc("3150-0"), "dataAbsentReason": _absent("unknown", "Unknown")}
        if visit.setting != "ambulatory":
            share = {"code": loinc("3150-0"), "valueQuantity": quantity(28 if saturation > 90 else 32, "%")}
        resource["component"] = [flow, share]
    draft.add("Observation", "us-core-pulse-oximetry", visit.at + 7 * MINUTE, resource)
