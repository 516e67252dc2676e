"""Epic's observations and reports. Sources: notes.md, under each name."""

from __future__ import annotations

import base64
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import (
    add_display,
    code_in,
    codes_of,
    coding,
    codings,
    concept,
    drop,
    text_of,
    with_text,
)
from mockehr.personalities.dates import moment
from mockehr.personalities.epic.binaries import shown_as
from mockehr.personalities.epic.look import EPIC, EPIC_EXTENSION, ORDER, Look
from mockehr.personalities.epic.orders import order_of
from mockehr.personalities.inline import linked

_LOINC: Final = "http://loinc.org"
_FLOWSHEET_STANDARD: Final = "urn:oid:1.2.246.537.6.96"
_LAB: Final = "10.798268.30"
_INTERPRETATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_UCUM: Final = "http://unitsofmeasure.org"
_FAHRENHEIT: Final = "http://open.epic.com/FHIR/STU3/StructureDefinition/temperature-in-fahrenheit"
"""An STU3 URL, on R4 too."""
_PLACER: Final = (("PLAC", "Placer Identifier"), ("FILL", "Filler Identifier"))
_CATEGORIES: Final = {"vital-signs": "Vital Signs", "laboratory": "Laboratory", "social-history": "Social History",
                      "survey": "Survey", "sdoh": "SDOH", "LAB": "Laboratory", "RAD": "Radiology",
                      "clinical-note": "Clinical Note"}  # fmt: skip
_VITAL_EXTRA: Final = {
    "85354-9": [("55284-4", "Blood pressure systolic and diastolic"),
                ("85354-9", "Blood pressure panel with all children optional"), ("8716-3", "Vital signs")],
}  # fmt: skip


def shape_observation(made: JSON, clean: JSON, look: Look) -> JSON:
    """Flowsheet rows for vital signs, result components for the laboratory; social history and the rest in plain."""
    for category in made.get("category", ()):
        for one in codings(category):
            code = str(one.get("code", ""))
            one["display"] = _CATEGORIES.get(code) or one.get("display") or code.title()
        category["text"] = text_of({"coding": category.get("coding", ())})
    kinds = codes_of(made.get("category"))
    if "vital-signs" in kinds:
        flowsheet(made, look)
    elif "laboratory" in kinds:
        _laboratory(made, clean, look)
    with_text(made.get("code", {}))
    for component in made.get("component", ()):
        with_text(component.get("code", {}))
    _judge(made, look)
    recorded = look.dresser.recorded(clean)
    if len(recorded) > 10:
        made.setdefault("issued", moment(recorded, "seconds"))
    drop(made, "identifier")
    _told_twice(made, look)
    return made


def _judge(made: JSON, look: Look) -> None:
    """What is out of bounds is said, what is normal is not: vital signs by the limits of their flowsheet row."""
    told = made.get("interpretation", [])
    if "vital-signs" in codes_of(made.get("category")) and _abnormal(made, look):
        told = [{"coding": [coding(_INTERPRETATION, "A")]}]
    kept = [one for one in told if codes_of(one) != {"N"}]
    for one in kept:
        add_display(one, {"H": "High", "L": "Low", "A": "Abnormal"})
        drop(one, "text")
    drop(made, "interpretation")
    if kept:
        made["interpretation"] = kept


def _abnormal(made: JSON, look: Look) -> bool:
    limits = look.tables["flowsheet_limits"]
    for part in (made, *made.get("component", ())):
        value = part.get("valueQuantity", {}).get("value")
        for code in codes_of(part.get("code")) & set(limits) if isinstance(value, (int, float)) else ():
            low, high = limits[code]
            if not low <= value <= high:
                return True
    return False


def _told_twice(made: JSON, look: Look) -> None:
    """The time and the temperature once more as extensions, where the site does that."""
    told, quantity = look.tables["observation_extensions"], made.get("valueQuantity", {})
    found = []
    if "observation-datetime" in told and isinstance(made.get("effectiveDateTime"), str):
        found.append({"valueDateTime": made["effectiveDateTime"], "url": EPIC_EXTENSION + "observation-datetime"})
    value = quantity.get("value")
    if "temperature-in-fahrenheit" in told and quantity.get("code") == "Cel" and isinstance(value, (int, float)):
        degrees = {"value": round(value * 1.8 + 32, 1), "unit": "degF", "system": _UCUM, "code": "[degF]"}
        found.append({"valueQuantity": degrees, "url": _FAHRENHEIT})
    if found:
        made["extension"] = [*made.get("extension", ()), *found]


def flowsheet(made: JSON, look: Look) -> None:
    """The codes, the name and the template of the flowsheet row in which a vital sign is."""
    code = made.get("code", {})
    loinc = code_in(code, _LOINC)
    text = text_of(code)
    rows = look.tables["flowsheet_rows"]
    row, name = rows.get(loinc) or (look.local_code(loinc or text, "flowsheet", 5), text)
    parts = [code_in(part.get("code"), _LOINC) for part in made.get("component", ())] or [loinc]
    standard = [coding(_FLOWSHEET_STANDARD, part) for part in sorted(filter(None, parts))]
    extra = _VITAL_EXTRA.get(loinc, [(loinc, text), ("8716-3", "Vital signs")])
    made["code"] = {
        "coding": [
            coding(look.oid("2.707679"), row, name),
            coding(EPIC + "observation-flowsheet-id", _row_id(row, look), name),
            *standard,
            *(coding(_LOINC, *pair) for pair in extra if pair[0]),
        ],
        "text": name,
    }
    template = {"system": look.oid("2.707684"), "value": look.local_code("vitals", "template", 5)}
    made["extension"] = [{"valueIdentifier": template, "url": EPIC_EXTENSION + "template-id"}]
    drop(made, "referenceRange", "method", "bodySite")


def _row_id(row: str, look: Look) -> str:
    """The FHIR id of a flowsheet row: `t…0`, 24 characters."""
    octets = look.dresser.facts.key("epic", "row", row)[:17]
    return "t" + base64.b64encode(octets, altchars=b".-").decode()[:22] + "0"


def _laboratory(made: JSON, clean: JSON, look: Look) -> None:
    made["category"].append({"coding": [coding(look.oid(_LAB), "Lab")], "text": "Lab"})
    code = made.get("code", {})
    text = text_of(code)
    local = coding(look.oid("2.768282"), look.local_code(code_in(code) or text, "component", 7), text.upper())
    made["code"] = {"coding": [*codings(code), local], "text": text}
    if look.tables["lab_reference_range"] == "text":
        ranges = [_range_text(one) for one in made.get("referenceRange", ())]
        if any(ranges):
            made["referenceRange"] = [{"text": text} for text in ranges if text]
    dice = look.dresser.stream("epic", "unitless", str(clean.get("id", "")))
    if "value" in made.get("valueQuantity", {}) and dice.chance(look.tables["unitless_share"]):
        made["valueQuantity"] = {"value": made["valueQuantity"]["value"]}
    drop(made, "performer")
    reference = f"Observation/{clean.get('id')}"
    for report in look.dresser.all_of("DiagnosticReport"):
        if "basedOn" not in made and any(one.get("reference") == reference for one in report.get("result", ())):
            order = order_of(report, look)
            if order is not None:
                made["basedOn"] = [order]


def _range_text(told: JSON) -> str:
    low, high = told.get("low", {}), told.get("high", {})
    unit = str(high.get("unit") or low.get("unit") or "")
    if low and high:
        text = f"{low.get('value')} - {high.get('value')} {unit}"
    elif high:
        text = f"<={high.get('value')} {unit}"
    else:
        text = f">={low.get('value')} {unit}" if low else str(told.get("text", ""))
    return text.strip()


def shape_report(made: JSON, clean: JSON, look: Look) -> JSON:
    """Placer and filler numbers, Epic's category first, results by name."""
    number = look.number(clean, "order")
    systems = (look.oid(ORDER), "https://open.epic.com/FHIR/0/order-accession-number/Beaker")
    values = (number, f"{number[:2]}H-{number[-3:]}C{number[2:6]}")
    order = order_of(clean, look)
    if order is not None:
        made["basedOn"] = [order]
    made["identifier"] = [
        {"use": "official", "type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", *kind),
         "system": system, "value": value}
        for kind, system, value in zip(_PLACER, systems, values, strict=True)
    ]  # fmt: skip
    categories = [with_text(add_display(one, _CATEGORIES)) for one in made.get("category", ())]
    if "LAB" in codes_of(categories):
        local = {"coding": [coding(look.oid(_LAB), "Lab")], "text": "Lab"}
        made["category"] = [local, *categories]
    with_text(made.get("code", {}))
    recorded = look.dresser.recorded(clean)
    if len(recorded) > 10:
        made.setdefault("issued", moment(recorded, "seconds"))
    period = made.get("effectivePeriod")
    if isinstance(period, dict) and period.get("start"):
        made["effectiveDateTime"] = period["start"]
        drop(made, "effectivePeriod")
    for form in made.get("presentedForm", ()):
        if "data" in form:
            form["contentType"] = shown_as(str(form.get("contentType", "text/plain")))
            form["url"] = look.dresser.refer(linked(form, clean))
        drop(form, "data", "size", "hash", "creation")
    drop(made, "resultsInterpreter", "specimen")
    return made
