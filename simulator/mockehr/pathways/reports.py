"""Results: what is measured, and the report that holds it. Shared by the steps that are about results."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act, seconds_of
from mockehr.pathways.profiles import OrderProfile, Test, flag_of, quantity_of, reference_range
from mockehr.pathways.scalars import coded
from mockehr.population.chart.analytes import SPECIMENS
from mockehr.population.chart.codes import LOINC, category, concept, hl7, row, snomed
from mockehr.population.chart.times import instant_text

Value = float | str | None
FILLER_NUMBERS: Final = "urn:oid:2.16.840.1.113883.19.5.97"
_FLAGS: Final = MappingProxyType({"H": "High", "L": "Low", "N": "Normal", "A": "Abnormal"})
_SECTIONS: Final = MappingProxyType(
    {"laboratory": ("LAB", "Laboratory"), "pathology": ("PAT", "Pathology (gross & histopath, not surgical)")}
)
_DRAWN: Final = 15 * 60.0
"""From an order to the specimen, and from there to the laboratory, at most."""
_REPORTED: Final = 45 * 60.0
"""From an examination to its report, at most."""
_DEPARTMENTS: Final = MappingProxyType({"radiology": "LP29684-5", "cardiology": "LP29708-2"})


def write_observations(
    act: Act, profile: OrderProfile, values: Mapping[str, Value], status: str, order: str
) -> list[str]:
    """One Observation for each value, told by nobody yet; returns their keys in the order of the profile."""
    common: JSON = {**_circumstances(act, profile, order), "performer": [act.hospital.house("laboratory")]}
    if profile.specimen is not None:
        common["specimen"] = _specimen(act, profile.specimen, common["effectiveDateTime"])
    keys = []
    for name, test in profile.tests.items():
        body: JSON = {
            "status": status,
            "category": category("observation-category", "laboratory", "Laboratory"),
            "code": coded(LOINC, test.code),
            **common,
            **measured(name, test, values[name], act.sex()),
        }
        keys.append(act.put("Observation", "us-core-observation-lab", body))
    return keys


def measured(name: str, test: Test, value: Value, sex: str) -> JSON:
    """The part of an Observation that is about its value."""
    if value is None or value == "":
        return {"dataAbsentReason": hl7("data-absent-reason", "unknown", "Unknown")}
    made: JSON = (
        {"valueString": value} if isinstance(value, str) else {"valueQuantity": quantity_of(value, test.unit)}
    )
    flag = flag_of(name, test, value, sex)
    if flag:
        made["interpretation"] = [hl7("v3-ObservationInterpretation", flag, _FLAGS[flag])]
    limits = reference_range(name, test, sex)
    return made | ({"referenceRange": limits} if limits else {})


def report_body(act: Act, profile: OrderProfile, results: list[str], text: str, status: str, order: str) -> JSON:
    """A DiagnosticReport, without what names it."""
    number = {"type": hl7("v2-0203", "FILL", "Filler Identifier"), "system": FILLER_NUMBERS}
    body: JSON = {
        "identifier": [{**number, "value": f"F{act.hospital.number():09d}"}],
        **({"basedOn": [{"reference": order}]} if order else {}),
        "status": status,
        "category": _category(profile),
        "code": coded(LOINC, profile.code),
        **_circumstances(act, profile, order),
        "performer": [act.hospital.house("laboratory") if profile.kind == "laboratory" else act.attending()],
        "resultsInterpreter": [act.attending()],
    }
    if results:
        body["result"] = [{"reference": key} for key in results]
    return body | prose(act, profile, text)


def prose(act: Act, profile: OrderProfile, text: str) -> JSON:
    """What a report says in words."""
    if not text:
        return {}
    if profile.kind == "laboratory":
        return {"conclusion": text}
    title = coded(LOINC, profile.code)["text"]
    data = f"{title}\n\nFINDINGS: {text}\n".encode()
    form = {"contentType": "text/plain", "data": b64encode(data).decode(), "size": len(data), "title": title}
    return {"conclusion": text, "presentedForm": [{**form, "creation": act.when}]}


def profile_name(profile: OrderProfile) -> str:
    """The US Core profile of its report."""
    lab = profile.kind == "laboratory"
    return "us-core-diagnosticreport-lab" if lab else "us-core-diagnosticreport-note"


def _category(profile: OrderProfile) -> list[JSON]:
    if profile.kind in _DEPARTMENTS:
        department = _DEPARTMENTS[profile.kind]
        return [concept(LOINC, department, row("loinc", department)["display"])]
    return [hl7("v2-0074", *_SECTIONS[profile.kind])]


def _circumstances(act: Act, profile: OrderProfile, order: str) -> JSON:
    """Of whom, during which visit (that of the order), when it was examined, and when it is told: now."""
    asked = act.clean(order) if order else {}
    visit = {"encounter": asked["encounter"]} if "encounter" in asked else act.of_visit()
    return {
        "subject": act.subject(),
        **visit,
        "effectiveDateTime": instant_text(_examined(act, profile, asked)) if asked else act.when,
        "issued": act.when,
    }


def _examined(act: Act, profile: OrderProfile, asked: JSON) -> float:
    """Specimens of patients who are in are taken soon after the order, other examinations shortly before the report;
    of what was ordered ahead, either happens during the visit that came meanwhile, if one did."""
    ordered = seconds_of(asked["authoredOn"])
    passed = act.at - ordered
    soon = "encounter" in asked and profile.kind in ("laboratory", "pathology")
    at = ordered + min(_DRAWN, passed / 5) if soon else act.at - min(_REPORTED, passed / 2)
    period = act.visit().get("period", {}) if act.someone.visit else {}
    if not soon and "start" in period and seconds_of(period["start"]) >= ordered:
        over = seconds_of(period["end"]) if "end" in period else act.at
        at = max(seconds_of(period["start"]), min(at, over))
    return at


def _specimen(act: Act, kind: str, taken: str) -> JSON:
    body = {
        "status": "available",
        "type": snomed(*SPECIMENS[kind]),
        "subject": act.subject(),
        "receivedTime": instant_text(min(act.at, seconds_of(taken) + _DRAWN)),
        "collection": {"collectedDateTime": taken},
    }
    return {"reference": act.put("Specimen", "us-core-specimen", body)}
