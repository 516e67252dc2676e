"""What was done to patients, as Epic shows it: immunizations, procedures. Sources: notes.md, under each name."""

from __future__ import annotations

import re
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, codes_of, coding, codings, concept, drop, text_of, with_text
from mockehr.personalities.dates import day_of, moment
from mockehr.personalities.epic.look import ORDER, Look
from mockehr.personalities.epic.orders import order_of
from mockehr.personalities.ids import place_of

_SNOMED: Final = "http://snomed.info/sct"
_CVX: Final = "http://hl7.org/fhir/sid/cvx"
_ORDERED: Final = ("103693007", "Diagnostic procedure", "Ordered Procedures")
_SURGERY: Final = ("387713003", "Surgical procedure", "Surgery")
_OPERATION: Final = re.compile(r"0[A-Z0-9]{6}")
"""ICD-10-PCS, section Medical and Surgical."""
_MEASURED: Final = re.compile(r"[4B][A-Z0-9]{6}")
"""ICD-10-PCS, sections Measurement and Monitoring, Imaging: what has a report."""


def shape_immunization(made: JSON, clean: JSON, look: Look) -> JSON:
    """CVX without display, dose in local units, date without time, makers only by name."""
    made["identifier"] = [look.identifier("2.768076", look.number(clean, "immunization"))]
    vaccine = with_text(made.get("vaccineCode", {}))
    for one in codings(vaccine):
        drop(one, "display")
    for name in ("occurrenceDateTime", "recorded"):
        if isinstance(made.get(name), str):
            made[name] = day_of(made[name])
    origin = text_of(made.get("reportOrigin"))
    if origin:
        made.setdefault("note", [{"text": origin}])
    drop(made, "recorded", "expirationDate", "reportOrigin")
    dose = made.get("doseQuantity")
    if isinstance(dose, dict):
        made["doseQuantity"] = {"value": dose.get("value"), "unit": dose.get("unit", "mL"),
                                "system": look.oid("10.768076.4019"), "code": "1"}  # fmt: skip
    for name, suffix in (("route", "10.768076.4030"), ("site", "10.768076.4040")):
        if name in made:
            text = text_of(made[name])
            made[name] = concept(look.oid(suffix), look.local_code(text, name, 2), text)
    if made.get("status") == "completed" and made.get("primarySource"):
        _given_here(made, code_in(vaccine, _CVX), look)
    for name in ("manufacturer", "location"):
        if isinstance(made.get(name), dict) and made[name].get("display"):
            made[name] = {"display": made[name]["display"]}
    made.setdefault("primarySource", False)
    for performer in made.get("performer", ()):
        performer.setdefault(
            "function", concept("http://terminology.hl7.org/CodeSystem/v2-0443", "AP", "Administering Provider")
        )
        with_text(performer["function"])
        performer["actor"] = performer.pop("actor")
    return made


def _given_here(made: JSON, cvx: str, look: Look) -> None:
    """Who made it, how and where it was given, of what the house gave itself."""
    maker = look.tables["makers"].get(cvx)
    if maker:
        made.setdefault("manufacturer", {"display": str(maker)})
    way = look.tables["routes"].get(cvx, look.tables["routes"]["other"])
    text = text_of(made["route"]) if "route" in made else str(way)
    made["route"] = concept(look.oid("10.768076.4030"), look.local_code(text, "route", 2), text)
    made.setdefault("location", {"display": look.house()})


def shape_procedure(made: JSON, clean: JSON, look: Look) -> JSON:
    """An order that was carried out: order and procedure number, local code, one moment, the report about it."""
    told = clean.get("code", {})
    text = text_of(told)
    local = look.local_code(code_in(told) or text, "procedure", 5)
    own = coding(look.oid("2.696580"), local, text.upper())
    standard = codings(made.get("code")) if look.tables["procedure_codes"] == "standard" else []
    made["code"] = {"coding": [own, *standard], "text": text}
    made["identifier"] = [
        {"use": "usual", "type": {"text": "ORD"}, "system": look.oid(ORDER), "value": look.number(clean, "order")},
        {"use": "usual", "type": {"text": "EAP"}, "system": look.oid("2.696580"), "value": local},
    ]
    order = order_of(clean, look)
    if order is not None:
        made["basedOn"] = [order]
    code, display, called = _SURGERY if _OPERATION.fullmatch(code_in(told)) else _ORDERED
    made["category"] = {"coding": [coding(_SNOMED, code, display)], "text": called}
    period = made.get("performedPeriod")
    if isinstance(period, dict) and period.get("start"):
        made["performedDateTime"] = period["start"]
        drop(made, "performedPeriod")
    _actors(made)
    report = _report(clean, look)
    if report is not None:
        made["report"] = [report]
    drop(made, "location", "reasonReference")
    return made


def _actors(made: JSON) -> None:
    """Recorder and asserter are whoever performed it, where nobody else is named."""
    performers: list[Any] = made.get("performer", [])
    actor = next((one["actor"] for one in performers if "actor" in one), None)
    for name in ("recorder", "asserter"):
        if actor is not None:
            made.setdefault(name, dict(actor))
    if actor is not None:
        drop(made, "performer")


def _report(clean: JSON, look: Look) -> JSON | None:
    """The reference to the report on a measurement or an image: the chart's own of that stay, or one derived."""
    if not _MEASURED.fullmatch(code_in(clean.get("code"))):
        return None
    found = _told_by(clean, look)
    place = place_of(str(clean.get("id", "")))
    if found is None and place is not None:
        id = look.dresser.ids.encode("DiagnosticReport", *place)
        reference: JSON = {"reference": f"DiagnosticReport/{id}", "type": "DiagnosticReport"}
        return {**reference, "display": text_of(clean.get("code"))}
    return None if found is None else look.reference_to(found, "Procedure")


def _told_by(clean: JSON, look: Look) -> JSON | None:
    stay = clean.get("encounter", {}).get("reference")
    for report in look.dresser.all_of("DiagnosticReport"):
        if (
            stay
            and report.get("encounter", {}).get("reference") == stay
            and "LAB" not in codes_of(report["category"])
        ):
            return report
    return None


def derive_report(clean: JSON, look: Look) -> tuple[JSON, ...]:
    """The DiagnosticReport on a measurement of which the chart has none."""
    reference = _report(clean, look) if _told_by(clean, look) is None else None
    if reference is None:
        return ()
    order = order_of(clean, look)
    made: JSON = {"resourceType": "DiagnosticReport", "id": reference["reference"].partition("/")[2]}
    made["identifier"] = [
        {**look.identifier(ORDER, look.number(clean, "order"), "official"), "type": {"text": "Placer Identifier"}}
    ]
    if order is not None:
        made["basedOn"] = [order]
    made["status"] = "final"
    made["category"] = [{"coding": [coding(look.oid("10.798268.30"), "Procedures")], "text": "Procedures"}]
    made["code"] = {"text": text_of(clean.get("code"))}
    for name in ("subject", "encounter"):
        told = clean.get(name)
        if isinstance(told, dict):
            shown = {**told, "reference": look.dresser.refer(told["reference"])}
            made[name] = look.refer(shown, told["reference"], "DiagnosticReport")
    at = clean.get("performedDateTime") or clean.get("performedPeriod", {}).get("start")
    if at:
        made["effectiveDateTime"] = moment(str(at), "seconds")
        made["issued"] = moment(str(clean.get("performedPeriod", {}).get("end") or at), "seconds")
    return (made,)
