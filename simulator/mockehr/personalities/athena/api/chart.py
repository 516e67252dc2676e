"""The clinical lists of a chart: problems, allergies, medications, vital signs, results, encounters."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON, Reply
from mockehr.personalities.athena.api.call import (
    Call,
    Refused,
    answered,
    as_number,
    day_text,
    failed,
    number_of,
    stamp_text,
    told,
)
from mockehr.personalities.athena.ids import bare
from mockehr.personalities.athena.look import SIDS, STRUCTURES
from mockehr.personalities.athena.moments import with_zone
from mockehr.personalities.concepts import code_in, text_of

SNOMED: Final = "http://snomed.info/sct"
ICD10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC: Final = "http://loinc.org"
HL7: Final = "http://terminology.hl7.org/CodeSystem/"
VITALS: Final[Mapping[str, tuple[str, str, str, float]]] = MappingProxyType(
    {
        # clinicalelementid: LOINC, name, unit of UCUM, how much of what FHIR shows one of it is
        "VITALS.HEIGHT": ("8302-2", "Body height", "cm", 1.0),
        "VITALS.WEIGHT": ("29463-7", "Body weight", "g", 1000.0),
        "VITALS.BMI": ("39156-5", "Body mass index (BMI) [Ratio]", "kg/m2", 1.0),
        "VITALS.TEMPERATURE": ("8310-5", "Body temperature", "[degF]", 1.0),
        "VITALS.HEARTRATE": ("8867-4", "Heart rate", "/min", 1.0),
        "VITALS.RESPIRATIONRATE": ("9279-1", "Respiratory rate", "/min", 1.0),
        "VITALS.O2SATURATION": ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "%", 1.0),
        "VITALS.BLOODPRESSURE.SYSTOLIC": ("8480-6", "Systolic blood pressure", "mm[Hg]", 1.0),
        "VITALS.BLOODPRESSURE.DIASTOLIC": ("8462-4", "Diastolic blood pressure", "mm[Hg]", 1.0),
    }
)
_ELEMENTS: Final = MappingProxyType({loinc: name for name, (loinc, *_) in VITALS.items()})


def _chart(call: Call, kind: str, who: str = "patient", **query: str) -> list[JSON]:
    """The records of a type in the chart that the call names, after it named a department of the practice."""
    patient = call.patient()
    call.chart_department()
    found = call.found(kind, {who: str(patient["id"]), **query})
    call.tell(found)
    return found


def _ours(call: Call) -> list[JSON]:
    """The extensions that say whose a record is."""
    return [
        {"url": STRUCTURES + "ah-practice",
         "valueReference": {"reference": f"Organization/a-1.Practice-{call.ids.practice}"}},
        {"url": STRUCTURES + "ah-chart-sharing-group",
         "valueReference": {"reference": f"Organization/a-{call.ids.practice}.CSG-1"}},
    ]  # fmt: skip


def _concept(system: str, code: str, display: str = "") -> JSON:
    coding = {"display": display, "code": code, "system": system} if display else {"code": code, "system": system}
    return {"coding": [coding], **({"text": display} if display else {})}


# problems


def list_problems(call: Call) -> Reply:
    """GET /chart/{patientid}/problems."""
    found = _chart(call, "Condition", category="problem-list-item")
    if not call.flag("showinactive"):
        found = [
            one for one in found if code_in(one.get("clinicalStatus")) in ("", "active", "recurrence", "relapse")
        ]
    return call.page("problems", [_problem(one) for one in found])


def _problem(condition: JSON) -> JSON:
    started = day_text(condition.get("onsetDateTime"))
    ended = day_text(condition.get("abatementDateTime"))
    snomed = code_in(condition.get("code"), SNOMED)
    created = day_text(condition.get("recordedDate"))
    events = [told({"eventtype": "START", "startdate": started, "onsetdate": started, "createddate": created})]
    if ended:
        events.append({"eventtype": "END", "enddate": ended})
    return told(
        {
            "problemid": as_number(bare(str(condition["id"]))),
            "name": text_of(condition.get("code")),
            "code": snomed or code_in(condition.get("code")),
            "codeset": "SNOMED" if snomed else "ICD10",
            "bestmatchicd10code": code_in(condition.get("code"), ICD10) or None,
            "lastmodifieddatetime": condition.get("meta", {}).get("lastUpdated") or condition.get("recordedDate"),
            "events": events,
        }
    )


def add_problem(call: Call) -> Reply:
    """POST /chart/{patientid}/problems: by a code of SNOMED."""
    patient = call.patient()
    call.chart_department()
    (code,) = call.wants("snomedcode")
    if not (code.isascii() and code.isdigit()):
        return failed("Invalid snomedcode.")
    started = call.day("startdate")
    made: JSON = {
        "resourceType": "Condition",
        "identifier": [{"value": "{id}"}],
        "extension": _ours(call),
        "clinicalStatus": _concept(HL7 + "condition-clinical", "active", "Active"),
        "verificationStatus": _concept(HL7 + "condition-ver-status", "confirmed", "Confirmed"),
        "category": [_concept(HL7 + "condition-category", "problem-list-item", "Problem List Item")],
        "code": _concept(SNOMED, code),
        "subject": {"reference": f"Patient/{patient['id']}"},
        "recordedDate": with_zone(call.now),
    }
    if started is not None:
        made["onsetDateTime"] = started.isoformat()
    stored = call.create(made, "problem-list-item")
    return answered({"success": True, "problemid": as_number(bare(str(stored["id"])))})


# allergies


def list_allergies(call: Call) -> Reply:
    """GET /chart/{patientid}/allergies."""
    return call.page("allergies", [_allergy(one) for one in _true(_chart(call, "AllergyIntolerance"))])


def _true(found: list[JSON]) -> list[JSON]:
    """What was not entered in error."""
    return [one for one in found if code_in(one.get("verificationStatus")) != "entered-in-error"]


def _allergy(allergy: JSON) -> JSON:
    reactions = [
        told(
            {
                "reactionname": one.get("description") or text_of(one.get("manifestation")),
                "snomedcode": code_in(one.get("manifestation"), SNOMED) or None,
                "severity": one.get("severity"),
            }
        )
        for one in allergy.get("reaction", ())
    ]
    return told(
        {
            "allergenid": _allergen(allergy),
            "allergenname": text_of(allergy.get("code")),
            "onsetdate": day_text(allergy.get("onsetDateTime")),
            "criticality": allergy.get("criticality"),
            "reactions": reactions,
            "deactivatedate": None,
        }
    )


def _allergen(allergy: JSON) -> str:
    """The number of what somebody is allergic to: its code, or that of the record."""
    return code_in(allergy.get("code")) or bare(str(allergy["id"]))


def put_allergies(call: Call) -> Reply:
    """PUT /chart/{patientid}/allergies: those that are given are changed, or added."""
    listed = call.objects("allergies")
    known = {_allergen(one): one for one in _true(_chart(call, "AllergyIntolerance"))}
    patient = call.patient()
    if not listed:
        return failed("No allergies were given.")
    for one in listed:
        if not (one.get("allergenid") and one.get("allergenname")):
            return failed("allergenid and allergenname are required.")
    for one in listed:
        present = known.get(str(one["allergenid"]))
        made = _allergy_from(one, present, patient, call)
        call.stored(call.records.update(call.exchange, made)) if present is not None else call.create(made)
    return answered({"success": True})


def _allergy_from(row: JSON, present: JSON | None, patient: JSON, call: Call) -> JSON:
    made: JSON = {name: value for name, value in (present or {}).items() if name != "meta"} or {
        "resourceType": "AllergyIntolerance",
        "extension": _ours(call),
        "clinicalStatus": _concept(HL7 + "allergyintolerance-clinical", "active", "Active"),
        "verificationStatus": _concept(HL7 + "allergyintolerance-verification", "confirmed", "Confirmed"),
        "code": _concept(RXNORM, str(row["allergenid"]), str(row["allergenname"])),
        "patient": {"reference": f"Patient/{patient['id']}"},
        "recordedDate": with_zone(call.now),
    }
    reactions = []
    told_of = row.get("reactions")
    for one in told_of if isinstance(told_of, list) else ():
        if not isinstance(one, dict) or not one.get("reactionname"):
            continue
        coding = [{"code": str(one["snomedcode"]), "system": SNOMED}] if one.get("snomedcode") else []
        reaction: JSON = {"manifestation": [{"coding": coding} if coding else {"text": str(one["reactionname"])}],
                          "description": str(one["reactionname"])}  # fmt: skip
        if one.get("severity") in ("mild", "moderate", "severe"):
            reaction["severity"] = one["severity"]
        reactions.append(reaction)
    if reactions:
        made["reaction"] = reactions
    return made


# medications


def list_medications(call: Call) -> Reply:
    """GET /chart/{patientid}/medications: each a list of one."""
    found = _chart(call, "MedicationRequest")
    body: JSON = {
        "medications": [[_medication(one, call)] for one in found],
        "nomedicationsreported": not found,
        "patientdownloadconsent": True,
        "patientneedsdownloadconsent": False,
    }
    return answered(body)


def _medication(order: JSON, call: Call) -> JSON:
    drug = order.get("medicationCodeableConcept")
    if drug is None:
        id = str((order.get("medicationReference") or {}).get("reference", "")).rpartition("/")[2]
        drug = (call.records.read("Medication", id) or {}).get("code")
    ordered = day_text(order.get("authoredOn"))
    stopped = order.get("status") in ("completed", "stopped", "cancelled")
    events = [{"type": "START", "eventdate": ordered}] if ordered else []
    sig = next((one.get("text") for one in order.get("dosageInstruction", ()) if one.get("text")), None)
    return told(
        {
            "medicationid": as_number(code_in(drug, RXNORM)) or None,
            "medicationentryid": f"{'H' if order.get('reportedBoolean') else 'C'}{bare(str(order['id']))}",
            "medication": text_of(drug),
            "unstructuredsig": sig,
            "isstructuredsig": False,
            "issafetorenew": not stopped,
            "isdiscontinued": stopped,
            "events": events,
        }
    )


# vital signs


def list_vitals(call: Call) -> Reply:
    """GET /chart/{patientid}/vitals: by kind, each reading a list of its parts."""
    kinds: dict[str, list[list[JSON]]] = {}
    for one in _chart(call, "Observation", category="vital-signs"):
        taken: dict[str, list[JSON]] = {}
        for element, reading in _readings(one):
            taken.setdefault(element.rpartition(".")[0] if element.count(".") > 1 else element, []).append(reading)
        for element, parts in taken.items():
            kinds.setdefault(element, []).append(parts)
    rows = [
        {"key": element.removeprefix("VITALS."), "abbreviation": element.removeprefix("VITALS."), "ordering": place,
         "readings": readings}
        for place, (element, readings) in enumerate(kinds.items())
    ]  # fmt: skip
    return call.page("vitals", rows)


def _readings(observation: JSON) -> list[tuple[str, JSON]]:
    parts = [observation, *observation.get("component", ())]
    found = []
    for part in parts:
        element = _ELEMENTS.get(code_in(part.get("code"), LOINC))
        quantity = part.get("valueQuantity")
        if element is None or not isinstance(quantity, dict) or "value" not in quantity:
            continue
        factor = VITALS[element][3] if quantity.get("code") != VITALS[element][2] else 1.0
        reading = {
            "clinicalelementid": element,
            "value": f"{quantity['value'] * factor:g}",
            "unit": VITALS[element][2] if factor != 1.0 else quantity.get("unit"),
            "readingtaken": day_text(observation.get("effectiveDateTime")),
            "vitalid": as_number(number_of(observation["id"])),
            "source": "ENCOUNTER",
        }
        found.append((element, told(reading)))
    return found


def add_vitals(call: Call) -> Reply:
    """POST /chart/{patientid}/vitals: readings by `clinicalelementid`, all of them or none."""
    patient = call.patient()
    call.chart_department()
    made = []
    for one in call.objects("vitals"):
        element, value = str(one.get("clinicalelementid", "")), _decimal(one.get("value"))
        if element not in VITALS or value is None:
            return failed(f"Invalid clinicalelementid or value: {element[:60]}")
        loinc, name, unit, _ = VITALS[element]
        observation: JSON = {
            "resourceType": "Observation",
            "identifier": [{"value": "{id}", "system": f"{SIDS}ah-observation"}],
            "extension": _ours(call),
            "status": "final",
            "category": [{"coding": [{"display": "Vital Signs", "code": "vital-signs",
                                      "system": HL7 + "observation-category"}]}],
            "code": _concept(LOINC, loinc, name),
            "subject": {"reference": f"Patient/{patient['id']}"},
            "effectiveDateTime": with_zone(call.now),
            "valueQuantity": {"value": value, "unit": unit, "code": unit, "system": "http://unitsofmeasure.org"},
        }  # fmt: skip
        made.append(observation)
    if not made:
        return failed("No vitals were given.")
    stored = [call.create(one, "vital-signs") for one in made]
    return answered({"success": True, "vitalids": [as_number(bare(str(one["id"]))) for one in stored]})


def _decimal(value: Any) -> float | int | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    if number != number or abs(number) > 1e9:
        return None
    return int(number) if number.is_integer() else number


# results and encounters


def list_lab_results(call: Call) -> Reply:
    """GET /chart/{patientid}/labresults."""
    reports = [
        one for one in _chart(call, "DiagnosticReport", category="LAB") if one.get("status") != "entered-in-error"
    ]
    return call.page("results", [_result(one, call) for one in reports])


def _result(report: JSON, call: Call) -> JSON:
    at = report.get("effectiveDateTime")
    analytes = []
    for one in report.get("result", ()):
        found = call.records.read("Observation", str(one.get("reference", "")).rpartition("/")[2])
        if found is not None:
            analytes.append(_analyte(found))
    return told(
        {
            "labresultid": as_number(bare(str(report["id"]))),
            "labresultloinc": code_in(report.get("code"), LOINC) or None,
            "description": text_of(report.get("code")),
            "labresultdate": day_text(at),
            "labresultdatetime": stamp_text(at),
            "createddate": day_text(report.get("issued") or at),
            "createddatetime": stamp_text(report.get("issued") or at),
            "priority": "2",
            "isreviewedbyprovider": "1" if report.get("status") in ("final", "amended", "corrected") else "0",
            "attachmentexists": bool(report.get("presentedForm")),
            "analytes": analytes,
        }
    )


def _analyte(observation: JSON) -> JSON:
    quantity = observation.get("valueQuantity") or {}
    value = quantity.get("value", observation.get("valueString") or text_of(observation.get("valueCodeableConcept")))
    return told(
        {
            "analyteid": as_number(bare(str(observation["id"]))),
            "analytename": text_of(observation.get("code")),
            "value": str(value) if value not in (None, "") else None,
            "units": quantity.get("unit"),
            "referencerange": next((one.get("text") for one in observation.get("referenceRange", ())), None),
            "abnormalflag": next((one.get("text") for one in observation.get("interpretation", ())), None),
            "analytedate": day_text(observation.get("effectiveDateTime")),
        }
    )


def list_encounters(call: Call) -> Reply:
    """GET /chart/{patientid}/encounters."""
    return call.page("encounters", [_encounter(one) for one in _chart(call, "Encounter")])


def _encounter(encounter: JSON) -> JSON:
    period = encounter.get("period") or {}
    who = next((one.get("individual", {}).get("reference") for one in encounter.get("participant", ())), None)
    where = next((one.get("location", {}).get("reference") for one in encounter.get("location", ())), None)
    diagnoses = [text_of(one) for one in encounter.get("reasonCode", ())]
    closed = encounter.get("status") == "finished"
    return told(
        {
            "encounterid": as_number(bare(str(encounter["id"]))),
            "encounterdate": day_text(period.get("start")),
            "encountertype": "VISIT",
            "encountervisitname": text_of(encounter.get("type")) or None,
            "status": "CLOSED" if closed else "OPEN",
            "closeddate": day_text(period.get("end")) if closed else None,
            "providerid": as_number(number_of(who)) if who else None,
            "departmentid": as_number(number_of(where)) if where else None,
            "chiefcomplaint": diagnoses[0] if diagnoses else None,
        }
    )


def encounter_summary(call: Call) -> Reply:
    """GET /chart/encounters/{encounterid}/summary: a page for people."""
    number = call.holes["encounterid"]
    found = call.records.read("Encounter", call.ids.of_number("Encounter", number)) if number.isdigit() else None
    if found is None:
        raise Refused(404, "The requested encounter does not exist.")
    call.tell([found])
    lines = [text_of(found.get("type")), str((found.get("period") or {}).get("start", "")),
             *(text_of(one) for one in found.get("reasonCode", ()))]  # fmt: skip
    body = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    html = f"<html><head><title>Summary</title></head><body><h1>Summary</h1>{body}</body></html>"
    return answered({"summaryhtml": html})
