"""Oracle Health's encounters, conditions, allergies, immunizations, procedures. Sources: notes.md."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import add_display, code_in, codings, drop, text_of, with_text
from mockehr.personalities.dates import as_moment
from mockehr.personalities.oracle.look import HL7, Look, standard

_STATUS: Final = {"active": "Active", "inactive": "Inactive", "resolved": "Resolved", "confirmed": "Confirmed",
                  "unconfirmed": "Unconfirmed", "entered-in-error": "Entered in Error"}  # fmt: skip
_ROLES: Final = {
    "ADM": "Admitting Physician",
    "ATND": "Attending Physician",
    "CON": "Consulting Physician",
    "PART": "Database Coordinator",
    "PPRF": "Physician (Office/Clinic Only)",
}
_ASSERTED: Final = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"
_JUNK: Final = "urn:oid:5.5.5.5.5.5."
"""The financial number's system, with its trailing dot."""


def shape_encounter(made: JSON, clean: JSON, look: Look) -> JSON:
    """A financial number of a junk system, v3-ActCode, the tenant's encounter type."""
    kinds = look.tables["encounter_types"]
    name, code, display = kinds.get(str(clean.get("class", {}).get("code", "")), kinds["other"])
    number = str(made["id"])
    start = made.get("period", {}).get("start")
    fin = {"coding": [{"system": HL7 + "v2-0203", "code": "AN", "display": "Account number"}], "text": "FIN NBR"}
    made["identifier"] = [
        {
            "use": "usual",
            "type": look.mapped("codeSet/319", fin),
            "system": _JUNK,
            "value": look.number("fin", number, digits=9),
            **({"period": {"start": start}} if start else {}),
        }
    ]
    made["class"] = {**clean.get("class", {}), "userSelected": False}
    kind = {"coding": [{"system": HL7 + "v2-0004", "code": code, "display": display}], "text": name}
    made["type"] = [look.mapped("codeSet/71", kind)]
    for participant in made.get("participant", ()):
        _participate(participant, look)
    for reason in made.get("reasonCode", ()):
        reason.update({"text": text_of(reason)})
        drop(reason, "coding")
    stay = made.get("hospitalization", {})
    for part, path in (("admitSource", "codeSet/2"), ("dischargeDisposition", "codeSet/19")):
        if part in stay:
            stay[part] = look.mapped(path, stay[part])
    drop(made, "reasonReference", "diagnosis", "statusHistory", "length")
    return made


def _participate(participant: JSON, look: Look) -> None:
    kinds = participant.get("type") or [
        {"coding": [{"system": HL7 + "v3-ParticipationType", "code": "ATND", "display": "attender"}]}
    ]
    text = _ROLES.get(code_in(kinds), text_of(kinds))
    period = participant.get("period", {})
    individual = participant.get("individual")
    participant.clear()
    participant["type"] = [look.mapped("codeSet/333", kinds[0], text)]
    if "start" in period:
        participant["period"] = {"start": period["start"]}
    if individual is not None:
        participant["individual"] = individual


def shape_condition(made: JSON, clean: JSON, look: Look) -> JSON:
    """The tenant's nomenclature first, standard codes after it."""
    _statuses(made)
    for category in made.get("category", ()):
        with_text(add_display(category, {}))
        for one in codings(category):
            one["userSelected"] = False
    made["code"] = look.mapped("nomenclature", made.get("code", {}))
    recorded = look.moment(clean, "seconds")
    if recorded:
        made.setdefault("recordedDate", recorded)
    patient = str(clean.get("subject", {}).get("reference", ""))
    asserted = look.dresser.stream("oracle", "asserted", patient).chance(look.tables["asserted_share"])
    if asserted and "recordedDate" in made:
        made["extension"] = [{"valueDateTime": made["recordedDate"], "url": _ASSERTED}, *made.get("extension", ())]
    if look.dresser.stream("oracle", "secret", str(clean["id"])).chance(look.tables["confidential_share"]):
        label = {"system": HL7 + "v3-Confidentiality", "code": "R", "display": "restricted", "userSelected": False}
        made["meta"] = {**made.get("meta", {}), "security": [label]}
    drop(made, "identifier")
    return made


def shape_appointment(made: JSON, clean: JSON, look: Look) -> JSON:
    """The tenant's appointment type before the standard's."""
    if isinstance(made.get("appointmentType"), dict):
        made["appointmentType"] = look.mapped("codeSet/14249", made["appointmentType"])
    return made


def _statuses(made: JSON) -> None:
    for name in ("clinicalStatus", "verificationStatus"):
        if isinstance(made.get(name), dict):
            with_text(add_display(made[name], _STATUS))


def shape_allergy(made: JSON, clean: JSON, look: Look) -> JSON:
    """Full moments for dates, a precision on some onsets, and the clinical status' text on both statuses."""
    _statuses(made)
    if "clinicalStatus" in made and "verificationStatus" in made:
        made["verificationStatus"]["text"] = made["clinicalStatus"]["text"]
    with_text(made.get("code", {}))
    recorded = look.moment(clean, "seconds")
    if recorded:
        made.setdefault("recordedDate", recorded)
    dice = look.dresser.stream("oracle", "allergy", str(clean.get("id", "")))
    if "onsetDateTime" in made:
        made["onsetDateTime"] = as_moment(made["onsetDateTime"], "seconds")
        if len(str(clean["onsetDateTime"])) <= 10:
            about = look.own("codeSet/25320", "about", "About")
            precision = {"coding": [about], "text": "About"}
            url = f"{look.tables['ehr']}/precision"
            made["_onsetDateTime"] = {"extension": [{"valueCodeableConcept": precision, "url": url}]}
    if "recorder" in made and "recordedDate" in made and dice.chance(look.tables["noted_share"]):
        note = {
            "id": look.number("note", str(made["id"]), digits=8),
            "authorReference": dict(made["recorder"]),
            "time": made["recordedDate"],
            "text": "Reviewed with patient",
        }
        made["note"] = [*made.get("note", ()), note]
    for number, reaction in enumerate(made.get("reaction", ())):
        made["reaction"][number] = {"id": look.number("reaction", str(made["id"]), str(number), digits=8), **reaction}
    drop(made, "identifier")
    return made


def shape_immunization(made: JSON, clean: JSON, look: Look) -> JSON:
    """Offsets in place of `Z`, the tenant's code for the vaccine."""
    made["vaccineCode"] = look.mapped("codeSet/72", made.get("vaccineCode", {}))
    for name in ("occurrenceDateTime", "recorded"):
        if isinstance(made.get(name), str):
            made[name] = as_moment(made[name], "offset")
    for name, path in (("route", "codeSet/4001"), ("site", "codeSet/97"), ("statusReason", "codeSet/4002")):
        if name in made:
            made[name] = look.mapped(path, made[name])
    if isinstance(made.get("manufacturer"), dict) and made["manufacturer"].get("display"):
        made["manufacturer"] = {"display": made["manufacturer"]["display"]}
    drop(made, "identifier")
    return made


def shape_procedure(made: JSON, clean: JSON, look: Look) -> JSON:
    """What the user chose is the first standard code; whoever recorded it is told."""
    code = standard(made.get("code", {}))
    if code["coding"]:
        code["coding"][0]["userSelected"] = True
        code["coding"] = [{**one, "display": one.get("display", text_of(code))} for one in code["coding"]]
    made["code"] = code
    for performer in made.get("performer", ()):
        drop(performer, "function", "onBehalfOf")
    actor = next((one["actor"] for one in made.get("performer", ()) if "actor" in one), None)
    if actor is not None:
        made.setdefault("recorder", dict(actor))
    if isinstance(made.get("performedDateTime"), str):
        made["performedDateTime"] = as_moment(made["performedDateTime"], "seconds")
    recorded = look.moment(clean, "seconds")
    if "recorder" in made and recorded:
        note = {"authorReference": dict(made["recorder"]), "time": recorded, "text": "No complications."}
        made.setdefault("note", [note])
    drop(made, "category", "reasonReference", "identifier", "report", "basedOn")
    return made
