"""Oracle Health's encounters, conditions, allergies, immunizations, procedures. Sources: notes.md."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import add_display, code_in, codes_of, codings, drop, text_of, with_text
from mockehr.personalities.dates import as_moment
from mockehr.personalities.oracle.look import HL7, Look, standard, unknown

_STATUS: Final = {"active": "Active", "inactive": "Inactive", "resolved": "Resolved", "confirmed": "Confirmed",
                  "unconfirmed": "Unconfirmed", "entered-in-error": "Entered in Error"}  # fmt: skip
_ROLES: Final = {
    "ADM": "Admitting Physician",
    "ATND": "Attending Physician",
    "CON": "Consulting Physician",
    "PART": "Database Coordinator",
    "PPRF": "Physician (Office/Clinic Only)",
}
_NDC: Final = "http://hl7.org/fhir/sid/ndc"
_IMMUNIZATION_SETS: Final = {
    "route": "codeSet/4001",
    "site": "codeSet/97",
    "statusReason": "codeSet/30200",
    "reportOrigin": "codeSet/30200",
}
_ASSERTED: Final = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"


def shape_encounter(made: JSON, clean: JSON, look: Look) -> JSON:
    """A financial number of a junk system, v3-ActCode, the tenant's encounter type."""
    kinds = look.tables["encounter_types"]
    name, code, display = kinds.get(str(clean.get("class", {}).get("code", "")), kinds["other"])
    number = str(made["id"])
    start = made.get("period", {}).get("start")
    fin = {"coding": [{"system": HL7 + "v2-0203", "code": "AN", "display": "Account number"}], "text": "FIN NBR"}
    system = look.tables["fin_system"]
    made["identifier"] = [
        {
            "use": "usual",
            "type": look.mapped("codeSet/319", fin),
            **({"system": system} if system else {"_system": unknown()}),
            "value": look.number("fin", number, digits=9),
            **({"period": {"start": start}} if start else {}),
        }
    ]
    _attributes(made, clean, look)
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


def _attributes(made: JSON, clean: JSON, look: Look) -> None:
    """What the hospital registers of its own: `custom-attribute` with ids that show internal keys."""
    dice = look.dresser.stream("oracle", "attributes", str(clean.get("id", "")))
    if not dice.chance(look.tables["attributed_share"]):
        return
    at = str(made.get("period", {}).get("start") or look.moment(clean, "millis"))
    own = look.own("codeSet/20322", "no", "No")
    values: list[tuple[str, JSON]] = [
        ("Complete Reg?", {"valueCodeableConcept": {"coding": [own], "text": "No"}}),
        ("Full Reg User ID", {"valueString": f"USERID{look.number('registrar', str(dice.below(40)), digits=3)}"}),
    ]
    if at:
        values.insert(1, ("MSP Complete Date", {"valueDateTime": as_moment(at, "millis")}))
    made["extension"] = [
        {
            "id": f"CA-{number}",
            "extension": [
                {
                    "id": f"ENCNTR:{look.number('attribute', name, digits=8)}",
                    "valueString": name,
                    "url": "custom-attribute-name",
                },
                {**value, "url": "custom-attribute-value"},
            ],
            "url": f"{look.tables['ehr']}/custom-attribute",
        }
        for number, (name, value) in enumerate(values)
    ]


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
    """What the user chose comes first: a standard code, or for some the tenant's nomenclature. No diagnosis ends."""
    _statuses(made)
    for name in ("clinicalStatus", "verificationStatus"):
        for one in codings(made.get(name)):
            one["userSelected"] = False
    for category in made.get("category", ()):
        with_text(add_display(category, {}))
    made["code"] = _chosen(made.get("code", {}), clean, look)
    recorded = look.moment(clean, "millis")
    if recorded:
        made.setdefault("recordedDate", recorded)
    categories = codes_of(made.get("category"))
    if "encounter-diagnosis" in categories:
        drop(made, "abatementDateTime", "abatementPeriod")
    else:
        drop(made, "encounter")
    patient = str(clean.get("subject", {}).get("reference", ""))
    asserted = look.dresser.stream("oracle", "asserted", patient).chance(look.tables["asserted_share"])
    kept = [one for one in made.get("extension", ()) if one.get("url") != _ASSERTED]
    if asserted and "recordedDate" in made:
        kept.insert(0, {"valueDateTime": made["recordedDate"], "url": _ASSERTED})
    made["extension"] = kept
    if not kept:
        del made["extension"]
    if look.dresser.stream("oracle", "secret", str(clean["id"])).chance(look.tables["confidential_share"]):
        label = {"system": HL7 + "v3-Confidentiality", "code": "R", "display": "restricted", "userSelected": False}
        made["meta"] = {**made.get("meta", {}), "security": [label]}
    drop(made, "identifier")
    return made


def _chosen(code: JSON, clean: JSON, look: Look) -> JSON:
    """The code with what the user chose in front."""
    dice = look.dresser.stream("oracle", "nomenclature", str(clean["id"]))
    made = standard(code)
    if not made["coding"]:
        return made
    text = made["text"]
    made["coding"] = [{**one, "display": one.get("display", text)} for one in made["coding"]]
    if dice.chance(look.tables["nomenclature_share"]):
        return look.mapped("nomenclature", {**code, "coding": made["coding"]}, text)
    made["coding"].sort(key=lambda one: one.get("system") != "http://snomed.info/sct")
    made["coding"][0]["userSelected"] = True
    return made


def shape_appointment(made: JSON, clean: JSON, look: Look) -> JSON:
    """The tenant's appointment type before the standard's, and what each participant is to the scheduler."""
    if isinstance(made.get("appointmentType"), dict):
        made["appointmentType"] = look.mapped("codeSet/14249", made["appointmentType"])
    for number, kind in enumerate(made.get("serviceType", ())):
        made["serviceType"][number] = look.mapped("codeSet/14249", kind)
    for participant in made.get("participant", ()):
        kind, _, _ = str(participant.get("actor", {}).get("reference", "")).partition("/")
        if kind in ("Patient", "Practitioner"):
            name = "Patient" if kind == "Patient" else "Resource"
            told = {"type": [{"coding": [look.own("codeSet/14250", name, name, digits=4)], "text": name}]}
            if kind == "Practitioner":
                performer = {"system": HL7 + "v3-ParticipationType", "code": "PPRF", "display": "primary performer"}
                told["type"].append({"coding": [performer]})
            given = dict(participant)
            participant.clear()
            participant.update({**told, **given})
    open_still = clean.get("status") in ("booked", "proposed", "pending")
    made["extension"] = [
        {"valueBoolean": open_still, "url": f"{look.tables['ehr']}/is-cancelable"},
        {"valueBoolean": open_still, "url": f"{look.tables['ehr']}/is-reschedulable"},
    ]
    if "start" in made and "end" in made:
        made.setdefault("requestedPeriod", [{"start": made["start"], "end": made["end"]}])
    drop(made, "identifier", "created", "priority", "supportingInformation", "basedOn")
    return made


def _statuses(made: JSON) -> None:
    for name in ("clinicalStatus", "verificationStatus"):
        if isinstance(made.get(name), dict):
            with_text(add_display(made[name], _STATUS))


def shape_allergy(made: JSON, clean: JSON, look: Look) -> JSON:
    """Full moments for dates, a precision on some onsets, and the clinical status' text on both statuses."""
    _statuses(made)
    _source(made, clean, look)
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


def _source(made: JSON, clean: JSON, look: Look) -> None:
    """For some, who said so is no person but a role that the record contains."""
    dice = look.dresser.stream("oracle", "asserter", str(clean.get("id", "")))
    if not dice.chance(look.tables["role_share"]):
        return
    id = look.number("role", "nurse", digits=6)
    nurse = {"system": "http://snomed.info/sct", "code": "106292003", "display": "Professional nurse (occupation)"}
    code = {"coding": [nurse], "text": nurse["display"]}
    made["contained"] = [{"resourceType": "PractitionerRole", "id": id, "code": [code]}]
    made["asserter"] = {"reference": f"#{id}"}


def shape_immunization(made: JSON, clean: JSON, look: Look) -> JSON:
    """Offsets in place of `Z`, the tenant's code for the vaccine."""
    made["vaccineCode"] = look.mapped("codeSet/72", made.get("vaccineCode", {}))
    if isinstance(made.get("occurrenceDateTime"), str):
        made["occurrenceDateTime"] = as_moment(made["occurrenceDateTime"], "offset")
    for name, path in _IMMUNIZATION_SETS.items():
        if isinstance(made.get(name), dict):
            made[name] = look.mapped(path, made[name])
    made["vaccineCode"]["coding"] = [one for one in made["vaccineCode"]["coding"] if one.get("system") != _NDC]
    if isinstance(made.get("manufacturer"), dict) and made["manufacturer"].get("display"):
        made["manufacturer"] = {"display": made["manufacturer"]["display"]}
    drop(made, "identifier", "recorded", "recorder", "fundingSource", "programEligibility", "isSubpotent")
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
    _performed(made, clean, look)
    recorded = look.moment(clean, "seconds")
    if "recorder" in made and recorded:
        note = {"authorReference": dict(made["recorder"]), "time": recorded, "text": "No complications."}
        made.setdefault("note", [note])
    drop(made, "category", "reasonReference", "identifier", "report", "basedOn")
    return made


def _performed(made: JSON, clean: JSON, look: Look) -> None:
    """A period, a moment, or for those that were told from memory the reason why there is none."""
    dice = look.dresser.stream("oracle", "performed", str(clean.get("id", "")))
    draw = dice.random()
    unknown_share, moment_share = look.tables["undated_share"], look.tables["moment_share"]
    if draw < unknown_share:
        drop(made, "performedPeriod", "performedDateTime")
        made["_performedDateTime"] = unknown()
    elif draw < unknown_share + moment_share and made.get("performedPeriod", {}).get("start"):
        made["performedDateTime"] = made.pop("performedPeriod")["start"]
    if isinstance(made.get("performedDateTime"), str):
        made["performedDateTime"] = as_moment(made["performedDateTime"], "seconds")
