"""Epic's encounters, conditions, allergies, immunizations, procedures. Sources: notes.md, under each name."""

from __future__ import annotations

from typing import Any, Final

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
from mockehr.personalities.dates import day_of, moment
from mockehr.personalities.epic.look import CSN, EPIC, ORDER, Look

_SNOMED: Final = "http://snomed.info/sct"
_ICD10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
_IMO: Final = "urn:oid:2.16.840.1.113883.3.247.1.1"
_LOCAL_CLASS: Final = "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260"
_NOT_ASKED: Final = "1631000175102"
_STATUS: Final = {"active": "Active", "inactive": "Inactive", "resolved": "Resolved", "confirmed": "Confirmed",
                  "unconfirmed": "Unconfirmed", "entered-in-error": "Entered in Error"}  # fmt: skip
_CATEGORIES: Final = {"problem-list-item": "Problem List Item", "encounter-diagnosis": "Encounter Diagnosis",
                      "health-concern": "Health Concern", "sdoh": "SDOH"}  # fmt: skip


def shape_encounter(made: JSON, clean: JSON, look: Look) -> JSON:
    """The local patient class, contact type, CSN, dates without times."""
    kind = str(clean.get("class", {}).get("code", ""))
    classes = look.tables["classes"]
    code, name = classes.get(kind, classes["other"])
    made["class"] = coding(_LOCAL_CLASS, code, name)
    made["type"] = [concept(look.oid("10.698084.30"), *look.contact(clean))]
    made["identifier"] = [look.identifier(CSN, look.number(clean, "csn"))]
    for participant in made.get("participant", ()):
        drop(participant, "period")
        participant["type"] = [
            concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "PART", "Participation")
        ]
    if "period" in made:
        made["period"] = {name: day_of(value) for name, value in made["period"].items() if isinstance(value, str)}
    reason = text_of(made.get("reasonCode")) or "Follow-up"
    made["reasonCode"] = [concept(look.oid("2.728286"), look.local_code(reason, "reason", 4), reason)]
    for place in made.get("location", ()):
        drop(place, "status", "period", "physicalType")
    stay = made.get("hospitalization", {})
    for name, value in stay.items():
        if isinstance(value, dict) and "coding" in value:
            stay[name] = {"text": text_of(value)}
    drop(made, "statusHistory", "serviceType", "priority", "length", "reasonReference", "diagnosis")
    return made


def shape_condition(made: JSON, clean: JSON, look: Look) -> JSON:
    """Two categories on an encounter diagnosis; SNOMED, ICD and IMO codes in no fixed order; dates without times."""
    _statuses(made)
    categories = codes_of(made.get("category"))
    for category in made.get("category", ()):
        with_text(add_display(category, _CATEGORIES))
        for one in codings(category):
            one["display"] = _CATEGORIES.get(str(one.get("code")), one.get("display", ""))
        category["text"] = text_of({"coding": category.get("coding", ())})
    if "encounter-diagnosis" in categories:
        visit = concept(EPIC + "condition-category", "visit-diagnosis", "Visit Diagnosis")
        made["category"].append(visit)
        _link_problem(made, clean, look)
    else:
        drop(made, "encounter")
    made["code"] = _diagnosis(made.get("code", {}), look, listed="encounter-diagnosis" not in categories)
    if "severity" in made:
        made["severity"] = {"text": text_of(made["severity"])}
    recorded = look.dresser.recorded(clean)
    if recorded:
        made.setdefault("recordedDate", recorded)
    for name in ("onsetDateTime", "recordedDate", "abatementDateTime"):
        if name in made:
            made[name] = day_of(str(made[name]))
    if "recordedDate" in made:
        made.setdefault("onsetDateTime", made["recordedDate"])
    drop(made, "recorder", "asserter", "extension", "identifier")
    return made


def _statuses(made: JSON) -> None:
    """Display, text and the version that Epic repeats on both."""
    for name in ("clinicalStatus", "verificationStatus"):
        status = made.get(name)
        if isinstance(status, dict):
            add_display(status, _STATUS)
            status["coding"] = [
                {"system": one["system"], "version": "4.0.0", **{k: v for k, v in one.items() if k != "system"}}
                for one in codings(status)
            ]
            with_text(status)


def _diagnosis(code: JSON, look: Look, *, listed: bool) -> JSON:
    """A diagnosis with its codings shuffled; on the problem list also IMO's term, whose words it shows."""
    text = text_of(code)
    found = codings(code)
    for one in found:
        one.setdefault("display", text)
    standard = code_in(code, _ICD10, _SNOMED)
    if listed and standard:
        found.append(coding(_IMO, look.local_code(standard, "imo", 8), text))
    mixed = look.dresser.stream("epic", "code-order", standard).sample(found, len(found))
    return {"coding": mixed, "text": text} if mixed else {"text": text}


def _link_problem(made: JSON, clean: JSON, look: Look) -> None:
    """The problem on the list that this diagnosis belongs to, as evidence."""
    mine = codes_of(clean.get("code"))
    for other in look.dresser.all_of("Condition"):
        listed = "problem-list-item" in codes_of(other.get("category"))
        if listed and mine & codes_of(other.get("code")):
            reference = look.reference_to(other, "Condition")
            made["evidence"] = [{"detail": [reference]}]
            return


def shape_allergy(made: JSON, clean: JSON, look: Look) -> JSON:
    """Versioned statuses, reactions in words; nobody asked: a record that says so."""
    _statuses(made)
    code = made.get("code", {})
    if _NOT_ASKED in codes_of(code):
        drop(made, "type", "category", "criticality", "onsetDateTime", "recordedDate", "reaction")
        made["code"] = {"coding": [coding(_SNOMED, _NOT_ASKED, "Patient not asked")], "text": "Not on File"}
        for name in ("clinicalStatus", "verificationStatus"):
            drop(made.get(name, {}), "text")
    else:
        with_text(code)
        made.setdefault("type", "allergy")
        recorded = look.dresser.recorded(clean)
        if len(recorded) > 10:
            made.setdefault("recordedDate", moment(recorded, "seconds"))
        if isinstance(made.get("recordedDate"), str):
            made["onsetDateTime"] = day_of(str(made.get("onsetDateTime") or made["recordedDate"]))
        for reaction in made.get("reaction", ()):
            _react(reaction)
    drop(made, "recorder", "asserter", "encounter", "identifier")
    return made


def _react(reaction: JSON) -> None:
    for manifestation in reaction.get("manifestation", ()):
        with_text(manifestation)
        for one in codings(manifestation):
            drop(one, "display")
    shown = text_of(reaction.get("manifestation"))
    reaction.setdefault("description", shown)
    drop(reaction, "substance", "onset")
    order = ("manifestation", "description", "severity", "exposureRoute", "note")
    kept = {name: reaction[name] for name in order if name in reaction}
    reaction.clear()
    reaction.update(kept)


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


def shape_procedure(made: JSON, clean: JSON, look: Look) -> JSON:
    """The local procedure code beside standard ones, order numbers, one moment in place of a period."""
    code = with_text(made.get("code", {}))
    text = text_of(code)
    local = look.local_code(code_in(code) or text, "procedure")
    made["code"] = {"coding": [coding(look.oid("2.696580"), local, text), *codings(code)], "text": text}
    made["identifier"] = [
        {**look.identifier("2.696580", look.number(clean, "procedure")), "type": {"text": "PROCEDURE"}},
        {**look.identifier(ORDER, look.number(clean, "order")), "type": {"text": "ORDER"}},
    ]
    category = concept(_SNOMED, "387713003", "Surgical procedure")
    made["category"] = with_text(add_display(made["category"], {})) if made.get("category") else category
    period = made.get("performedPeriod")
    if isinstance(period, dict) and period.get("start"):
        made["performedDateTime"] = period["start"]
        drop(made, "performedPeriod")
    _actors(made)
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
