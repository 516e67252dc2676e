"""Vital signs and other bedside measurements, as Observations."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.profiles import quantity_of
from mockehr.pathways.someone import Someone
from mockehr.population.chart.codes import LOINC, category, concept, loinc

SIGNS: Final = MappingProxyType(
    {
        # name: LOINC, display where the table has none, US Core profile, unit, decimals
        "heart_rate": ("8867-4", "", "us-core-heart-rate", "/min", 0),
        "respiratory_rate": ("9279-1", "", "us-core-respiratory-rate", "/min", 0),
        "temperature": ("8310-5", "", "us-core-body-temperature", "Cel", 1),
        "weight": ("29463-7", "", "us-core-body-weight", "kg", 1),
        "height": ("8302-2", "", "us-core-body-height", "cm", 1),
        "saturation": ("59408-5", "", "us-core-pulse-oximetry", "%", 0),
        "birth_weight": ("8339-4", "Birth weight Measured", "", "g", 0),
        "pain": ("72514-3", "Pain severity - 0-10 verbal numeric rating [Score] - Reported", "", "{score}", 0),
        "coma_score": ("9269-2", "Glasgow coma score total", "", "{score}", 0),
        "apgar_1": ("9272-6", "1 minute Apgar Score", "", "{score}", 0),
        "apgar_5": ("9274-2", "5 minute Apgar Score", "", "{score}", 0),
    }
)
"""What can be measured, apart from the blood pressure."""
PRESSURE: Final = ("systolic", "diastolic")


def write_sign(act: Act, name: str, value: float, *, subject: Someone | None = None) -> str:
    """One measurement; returns the key of its Observation."""
    code, display, profile, unit, decimals = SIGNS[name]
    shown = concept(LOINC, code, display) if display else loinc(code)
    if name == "saturation":  # the profile wants the general code, too
        shown = {"coding": shown["coding"] + loinc("2708-6")["coding"], "text": shown["text"]}
    body = _frame(act, shown, subject) | {"valueQuantity": quantity_of(_rounded(value, decimals), unit)}
    return act.put("Observation", profile, body)


def write_pressure(act: Act, systolic: float, diastolic: float) -> str:
    """Both in mm[Hg]."""
    parts = zip(("8480-6", "8462-4"), (systolic, diastolic), strict=True)
    components = [
        {"code": loinc(code), "valueQuantity": quantity_of(round(value), "mm[Hg]")} for code, value in parts
    ]
    return act.put(
        "Observation", "us-core-blood-pressure", _frame(act, loinc("85354-9"), None) | {"component": components}
    )


def _frame(act: Act, code: JSON, subject: Someone | None) -> JSON:
    visit = act.of_visit() if subject is None else {}
    return {
        "status": "final",
        "category": category("observation-category", "vital-signs", "Vital Signs"),
        "code": code,
        "subject": act.subject(subject),
        **visit,
        "effectiveDateTime": act.when,
        "issued": act.when,
        "performer": [act.attending()],
    }


def _rounded(value: float, decimals: int) -> float:
    return round(value, decimals) if decimals else round(value)
