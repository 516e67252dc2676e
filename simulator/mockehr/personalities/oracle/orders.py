"""Oracle Health's orders: of medication, and those that reports of the laboratory answer. Sources: notes.md."""

from __future__ import annotations

from typing import Final

from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, codes_of, drop, text_of
from mockehr.personalities.dates import as_moment
from mockehr.personalities.ids import place_of
from mockehr.personalities.oracle.look import HL7, Look, standard_codings, unknown

_SNOMED: Final = "http://snomed.info/sct"
_NDC: Final = "http://hl7.org/fhir/sid/ndc"


def service_request(report: JSON, look: Look) -> JSON | None:
    """The order that a clean report of the laboratory answers, without its head; None for other reports."""
    place = place_of(str(report.get("id", "")))
    if place is None or not report.get("result") or "LAB" not in codes_of(report.get("category")):
        return None
    at = as_moment(str(report.get("effectiveDateTime") or look.moment(report, "seconds")), "millis")
    lab = {
        "coding": [{"system": _SNOMED, "code": "108252007", "display": "Laboratory procedure"}],
        "text": "Laboratory",
    }
    made: JSON = {
        "resourceType": "ServiceRequest",
        "id": look.dresser.ids.encode("ServiceRequest", *place),
        "status": "completed",
        "intent": "order",
        "category": [look.mapped("codeSet/6000", lab)],
        "priority": "routine",
        "code": look.mapped("codeSet/200", report.get("code", {})),
    }
    for name in ("subject", "encounter"):
        told = report.get(name)
        if isinstance(told, dict) and told.get("reference"):
            made[name] = look.refer(
                {**told, "reference": look.dresser.refer(str(told["reference"]))}, str(told["reference"]), ""
            )
    if at:
        made |= {"occurrenceDateTime": at, "authoredOn": at}
    asked = next((str(one.get("reference", "")) for one in report.get("resultsInterpreter", ())), "")
    if asked:
        made["requester"] = look.refer({"reference": look.dresser.refer(asked)}, asked, "")
    return made


def shape_medication_request(made: JSON, clean: JSON, look: Look) -> JSON:
    """RxNorm before the tenant's synonym, three extensions (two of them Swedish), bounds in place of frequencies."""
    drug = _drug(made, clean, look)
    if drug is not None:
        text = text_of(drug)
        known = [
            {**one, "display": one.get("display", text)}
            for one in standard_codings(drug)
            if one.get("system") != _NDC
        ]
        made["medicationCodeableConcept"] = {"coding": [*known, look.own("synonym", text, text)], "text": text}
    dice = look.dresser.stream("oracle", "order", str(clean.get("id", "")))
    made["extension"] = _order_extensions(look)
    made["category"] = [
        {"coding": [{**one, "display": one.get("display", str(one.get("code", "")).title())}
                    for one in standard_codings(category)]}
        for category in made.get("category", ())
    ]  # fmt: skip
    made.setdefault("reportedBoolean", False)
    _document(made, clean, dice, look)
    if "requester" not in made:
        made["requester"] = unknown()
    if "courseOfTherapyType" in made:
        made["courseOfTherapyType"] = look.mapped("codeSet/4009", made["courseOfTherapyType"])
    if isinstance(made.get("authoredOn"), str):
        made["authoredOn"] = as_moment(made["authoredOn"], "seconds")
    start = str(made.get("authoredOn") or look.moment(clean, "seconds"))
    made["dosageInstruction"] = [_instruct(one, start, look) for one in made.get("dosageInstruction", ())] or [
        _instruct({"text": "See instructions"}, start, look)
    ]
    _supply(made, start, look)
    _explain(made, clean, dice, look)
    drop(made, "recorder", "reasonReference", "identifier")
    return made


def _document(made: JSON, clean: JSON, dice: Stream, look: Look) -> None:
    """Some of what is taken at home was only told of: a plan in two categories, often by nobody in particular."""
    codes = codes_of(clean.get("category"))
    if codes == {"discharge"}:
        made["category"] = [_category("community", "Community"), _category("discharge", "Discharge")]
        made["substitution"] = {"allowedBoolean": True}
    if codes != {"outpatient"} or not dice.chance(look.tables["documented_share"]):
        return
    told = {
        "system": HL7 + "medication-statement-category",
        "code": "patientspecified",
        "display": "Patient Specified",
    }
    made["category"] = [_category("community", "Community"), {"coding": [{**told, "userSelected": False}]}]
    made["intent"], made["reportedBoolean"] = "plan", True
    if dice.chance(0.5):
        made["requester"] = unknown()
    for one in made.get("dosageInstruction", ()):
        one["additionalInstruction"] = [{"text": one.get("text", "See instructions")}]


def _category(code: str, display: str) -> JSON:
    system = HL7 + "medicationrequest-category"
    return {"coding": [{"system": system, "code": code, "display": display, "userSelected": False}]}


def _explain(made: JSON, clean: JSON, dice: Stream, look: Look) -> None:
    """For some orders the diagnosis that they are for, and a note for whoever takes them over."""
    if dice.chance(look.tables["reasoned_share"]):
        reference = next((str(one.get("reference", "")) for one in clean.get("reasonReference", ())), "")
        known = look.dresser.neighbour(reference) if reference else None
        code = known.get("code") if known is not None else None
        if isinstance(code, dict) and code_in(code):
            text = text_of(code)
            first = {**standard_codings(code)[0], "userSelected": True}
            made["reasonCode"] = [{"coding": [{**first, "display": first.get("display", text)}], "text": text}]
    if dice.chance(look.tables["explained_share"]):
        made["note"] = [{"text": "Patient confirmed the medication at the last visit."}]


def _drug(made: JSON, clean: JSON, look: Look) -> JSON | None:
    """The drug by code; a referenced Medication is looked up, as this vendor has none to refer to."""
    told = made.get("medicationCodeableConcept")
    if isinstance(told, dict):
        return told
    reference = clean.get("medicationReference")
    known = look.dresser.neighbour(str(reference.get("reference", ""))) if isinstance(reference, dict) else None
    shown = made.pop("medicationReference", {}).get("display", "")
    code = known.get("code") if known is not None else None
    if isinstance(code, dict):
        return code
    return {"text": shown} if shown else None


def _order_extensions(look: Look) -> list[JSON]:
    verified = {"text": "Does not need pharmacy verification"}
    found: list[JSON] = [
        {"valueCodeableConcept": verified, "url": f"{look.tables['ehr']}/pharmacy-verification-status"}
    ]
    if look.tables["swedish_extensions"]:
        for name, system in (
            ("NLLPrescriptionFormat", "http://electronichealth.se/fhir/ValueSet/prescription-format"),
            ("NLLRegistrationBasis", "http://ehalsomyndigheten.se/fhir/ValueSet/registration-basis-codes"),
        ):
            value = {"system": system, "code": "ELECTRONIC", "display": "Electronic"}
            found.append({"valueCoding": value, "url": f"http://electronichealth.se/fhir/StructureDefinition/{name}"})
    return found


def _instruct(told: JSON, start: str, look: Look) -> JSON:
    text = str(told.get("text", "See instructions"))
    url = f"{look.tables['ehr']}/clinical-instruction"
    made: JSON = {"extension": [{"valueString": text, "url": url}], "text": text}
    made["patientInstruction"] = str(told.get("patientInstruction") or f"{text}.")
    timing: JSON = {"repeat": {"boundsPeriod": {"start": start}}}
    frequencies = look.tables["frequencies"]
    found = next((frequencies[name] for name in frequencies if name in text.lower()), None)
    if found is not None:
        snomed = {"system": _SNOMED, "code": str(found[2]), "display": found[3]}
        code = {"coding": [{"system": HL7 + "v3-GTSAbbreviation", "code": found[1], "display": found[1]}, snomed]}
        timing["code"] = look.mapped("codeSet/4003", code, found[0])
        if found[1] == "BED":
            timing["repeat"]["when"] = ["HS"]
    made["timing"] = timing
    if told.get("additionalInstruction"):
        made["additionalInstruction"] = told["additionalInstruction"]
    if told.get("asNeededBoolean"):
        other = {"coding": [{"system": _SNOMED, "code": "74964007", "display": "Other (qualifier value)"}]}
        made["asNeededCodeableConcept"] = look.mapped("codeSet/4005", other, "other (see comment)")
    if "route" in told:
        made["route"] = look.mapped("codeSet/4001", told["route"])
    doses = [{"doseQuantity": one["doseQuantity"]} for one in told.get("doseAndRate", ()) if "doseQuantity" in one]
    if doses:
        made["doseAndRate"] = doses
    return made


def _supply(made: JSON, start: str, look: Look) -> None:
    told = made.get("dispenseRequest", {})
    supply: JSON = {}
    if look.tables["swedish_extensions"]:
        url = "http://electronichealth.se/fhir/StructureDefinition/NLLDosePackaging"
        supply["extension"] = [{"valueBoolean": False, "url": url}]
    supply["validityPeriod"] = {"start": start}
    for name in ("numberOfRepeatsAllowed", "quantity"):
        if name in told:
            supply[name] = told[name]
    made["dispenseRequest"] = supply
