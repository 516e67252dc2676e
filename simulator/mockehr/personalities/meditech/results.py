"""MEDITECH's observations and reports. Sources: notes.md."""

from __future__ import annotations

import re
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import (
    add_display,
    code_in,
    codes_of,
    coding,
    codings,
    drop,
    keep,
    text_of,
    with_text,
)
from mockehr.personalities.dates import as_moment
from mockehr.personalities.meditech.look import HL7, Look
from mockehr.population.chart.codes import LOINC, SNOMED

_UCUM: Final = "http://unitsofmeasure.org"
_PREFIXED: Final = ("laboratory", "vital-signs", "social-history")
_INTERPRETATION: Final = HL7 + "v3-ObservationInterpretation"
_OXIMETRY: Final = "59408-5"
_ARTERIAL: Final = ("2708-6", "Oxygen saturation in Arterial blood")
_RANGES: Final = {
    # LOINC → limits for adults
    "2708-6": (95, 100),
    _OXIMETRY: (95, 100),
    "8867-4": (60, 90),
    "8480-6": (90, 119),
    "8462-4": (60, 79),
}
_UNITS: Final = {
    # LOINC → unit and UCUM code, by which to multiply
    "8867-4": ("beats/minute", "/min", 1),
    "9279-1": ("breaths/minute", "/min", 1),
    "8310-5": ("C", "Cel", 1),
    "29463-7": ("g", "g", 1000),
    "8480-6": ("mmHg", "mm[Hg]", 1),
    "8462-4": ("mmHg", "mm[Hg]", 1),
}
_SEXES: Final = {"female": ("248152002", "Female"), "male": ("248153007", "Male")}
_SHORT: Final = re.compile(r" \[| in |/| by | - | panel")
_ADULT: Final = 18


def observation_flavour(resource: JSON) -> str:
    """What the prefix of an Observation's id shows; empty for none."""
    categories = codes_of(resource.get("category"))
    return next((name for name in _PREFIXED if name in categories), "")


def shape_observation(made: JSON, clean: JSON, look: Look) -> JSON:
    """By category; nothing of who measured, how and on what."""
    for category in made.get("category", ()):
        with_text(add_display(category, {}))
    flavour = observation_flavour(clean)
    drop(made, "issued", "performer", "bodySite", "specimen", "method", "basedOn", "identifier", "device", "note")
    if flavour == "vital-signs":
        return _vital_sign(made, clean, look)
    if flavour == "social-history":
        return _answer(made)
    return _result(made, look)


def _answer(made: JSON) -> JSON:
    """The words of an answer as people say them."""
    value = made.get("valueCodeableConcept")
    if isinstance(value, dict):
        value["text"] = text_of(value).partition(" (")[0].lower()
    with_text(made.get("code", {}))
    return made


def _vital_sign(made: JSON, clean: JSON, look: Look) -> JSON:
    """Units in words; what is out of range says so, and says the range."""
    made["code"] = _measured(made.get("code", {}))
    adult = _adult(clean, look)
    _judge(made, code_in(clean.get("code"), LOINC), adult, look)
    for part in made.get("component", ()):
        part["code"] = {"coding": part["code"].get("coding", []), "text": text_of(part["code"])}
        _judge(part, code_in(part["code"], LOINC), adult, look)
    return made


def _measured(code: JSON) -> JSON:
    """A pulse oximetry is an arterial saturation twice before it is itself."""
    told = [coding(LOINC, one["code"], one.get("display", "")) for one in codings(code) if one.get("system") == LOINC]
    oximetry = next((one for one in told if one["code"] == _OXIMETRY), None)
    if oximetry is None:
        return {"coding": told, "text": text_of(code)} if told else {"text": text_of(code)}
    arterial = coding(LOINC, *_ARTERIAL)
    return {
        "coding": [arterial, dict(arterial), oximetry],
        "text": f"{_ARTERIAL[1]}, {text_of({'coding': [oximetry]})}",
    }


def _judge(told: JSON, code: str, adult: str, look: Look) -> None:
    quantity = told.get("valueQuantity")
    drop(told, "interpretation", "referenceRange")
    if not isinstance(quantity, dict) or not isinstance(quantity.get("value"), (int, float)):
        return
    told["valueQuantity"] = quantity = _quantity(quantity, code)
    low, high = _RANGES.get(code, (None, None))
    value = quantity["value"]
    if not adult or low is None or high is None or low <= value <= high:
        return
    flag, word = ("L", "Low") if value < low else ("H", "High")
    told["interpretation"] = [{"coding": [coding(_INTERPRETATION, flag, word)], "text": word}]
    snomed, sex = _SEXES[adult]
    bounds = {name: {**quantity, "value": limit} for name, limit in (("low", low), ("high", high))}
    told["referenceRange"] = [{**bounds, "appliesTo": [{"coding": [coding(SNOMED, snomed, sex)], "text": sex}]}]


def _quantity(quantity: JSON, code: str) -> JSON:
    unit, ucum, factor = _UNITS.get(code, (quantity.get("unit"), quantity.get("code"), 1))
    value = round(quantity["value"] * factor, 3) if factor != 1 else quantity["value"]
    made = {"unit": unit, "value": value, "code": ucum, "system": _UCUM if ucum else None}
    return {name: told for name, told in made.items() if told is not None}


def _adult(clean: JSON, look: Look) -> str:
    """The sex of a patient who was grown up then; empty of children."""
    patient = next(iter(look.dresser.all_of("Patient")), {})
    born, at = str(patient.get("birthDate", "")), str(clean.get("effectiveDateTime", ""))
    if not (born[:4].isdigit() and at[:4].isdigit()) or int(at[:4]) - int(born[:4]) <= _ADULT:
        return ""
    return str(patient.get("gender")) if patient.get("gender") in _SEXES else ""


def _result(made: JSON, look: Look) -> JSON:
    """A name and a number; more where the house has mapped its tests."""
    if look.tables["results"] == "mapped":
        with_text(made.get("code", {}))
        return made
    made["code"] = {"text": short_name(made.get("code"))}
    if isinstance(made.get("valueQuantity"), dict):
        made["valueQuantity"] = keep(made["valueQuantity"], "comparator", "value")
    if isinstance(made.get("valueCodeableConcept"), dict):
        made["valueString"] = text_of(made.pop("valueCodeableConcept")).partition(" (")[0]
    drop(made, "encounter", "interpretation", "referenceRange")
    return made


def short_name(code: Any) -> str:
    """What a test is called in the house: `Creatinine` for `Creatinine [Mass/volume] in Serum or Plasma`."""
    return _SHORT.split(text_of(code))[0].strip()


def shape_report(made: JSON, clean: JSON, look: Look) -> JSON:
    """When it was last touched, and the house's name of it."""
    recorded = look.dresser.recorded(clean)
    for category in made.get("category", ()):
        with_text(add_display(category, {}))
    made["code"] = {**made.get("code", {}), "text": short_name(made.get("code"))}
    for form in made.get("presentedForm", ()):
        kept = keep(form, "contentType", "data", "url")
        form.clear()
        form.update(kept)
    drop(made, "resultsInterpreter", "specimen", "conclusion", "conclusionCode", "identifier", "basedOn")
    if recorded:
        made["meta"] = {"lastUpdated": as_moment(recorded, "offset")}
    return made
