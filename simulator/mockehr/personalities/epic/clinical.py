"""Epic's encounters, conditions, allergies, immunizations, procedures. Sources: notes.md, under each name."""

from __future__ import annotations

import re
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
from mockehr.personalities.dates import day_of, moment
from mockehr.personalities.epic.look import CSN, EPIC, Look

_SNOMED: Final = "http://snomed.info/sct"
_ICD10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
_US_CORE_CATEGORY: Final = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
_SOCIAL: Final = re.compile(r"Z(5[5-9]|6[0-5]|91)(\..*)?")
"""ICD-10-CM of social circumstances and personal risks."""
_GRADES: Final = ("Low", "Medium", "High")
_IMO: Final = "urn:oid:2.16.840.1.113883.3.247.1.1"
_LOCAL_CLASS: Final = "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260"
_UNII: Final = "urn:oid:2.16.840.1.113883.4.9"
NOT_ASKED: Final = "1631000175102"
"""SNOMED CT: patient not asked (situation)."""
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
    made["type"] = _kinds(clean, kind, name, look)
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
    if kind in look.tables["hospital_classes"]:
        account = {"use": "usual", "system": look.oid("2.726582"), "value": look.number(clean, "account")}
        made["account"] = [{"identifier": account, "display": look.called_patient(clean)}]
    stay = made.get("hospitalization", {})
    for name, value in stay.items():
        if isinstance(value, dict) and "coding" in value:
            stay[name] = {"text": text_of(value)}
    drop(made, "statusHistory", "serviceType", "priority", "length", "reasonReference", "diagnosis")
    return made


def _kinds(clean: JSON, kind: str, class_name: str, look: Look) -> list[JSON]:
    """The contact type; beside it, without saying which is which, patient class and visit type of hospital stays."""
    found = [concept(look.oid("10.698084.30"), *look.contact(clean))]
    if kind not in look.tables["hospital_classes"]:
        return found
    visit = text_of(clean.get("type")) or class_name
    found.append(concept(look.oid("10.698084.10110"), look.local_code(kind, "class", 3), class_name))
    return [*found, concept(look.oid("2.808267"), look.local_code(visit, "visit", 4), visit)]


def shape_condition(made: JSON, clean: JSON, look: Look) -> JSON:
    """Two categories on an encounter diagnosis; SNOMED, ICD and IMO codes in no fixed order; dates without times."""
    statuses(made)
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
    listed = "encounter-diagnosis" not in categories
    social = listed and _SOCIAL.fullmatch(code_in(made.get("code"), _ICD10))
    if social and "sdoh" not in categories:
        made["category"].append(concept(_US_CORE_CATEGORY, "sdoh", "SDOH"))
    made["code"] = _diagnosis(made.get("code", {}), look, listed=listed)
    if "severity" in made:
        made["severity"] = {"text": text_of(made["severity"])}
    elif listed and look.dresser.stream("epic", "severity", str(clean.get("id", ""))).chance(
        look.tables["graded_share"]
    ):
        made["severity"] = {"text": look.dresser.stream("epic", "grade", str(clean.get("id", ""))).choice(_GRADES)}
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


def statuses(made: JSON) -> None:
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
    clinical = look.tables["diagnoses"].get(code_in(code, _ICD10))
    if clinical and not code_in(code, _SNOMED):
        found.append(coding(_SNOMED, str(clinical), text))
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
    statuses(made)
    code = made.get("code", {})
    if NOT_ASKED in codes_of(code):
        drop(made, "type", "category", "criticality", "onsetDateTime", "recordedDate", "reaction")
        made["code"] = {"coding": [coding(_SNOMED, NOT_ASKED, "Patient not asked")], "text": "Not on File"}
        for name in ("clinicalStatus", "verificationStatus"):
            drop(made.get(name, {}), "text")
    else:
        with_text(code)
        substance = look.tables["substances"].get(code_in(code))
        if substance:
            code["coding"].append(coding(_UNII, str(substance)))
        made.setdefault("type", "allergy")
        recorded = look.dresser.recorded(clean)
        if len(recorded) > 10:
            made.setdefault("recordedDate", moment(recorded, "seconds"))
        if isinstance(made.get("recordedDate"), str):
            made["onsetDateTime"] = day_of(str(made.get("onsetDateTime") or made["recordedDate"]))
        for reaction in made.get("reaction", ()):
            _react(reaction, in_words=look.tables["reaction_codes"] == "text")
    drop(made, "recorder", "asserter", "encounter", "identifier")
    return made


def _react(reaction: JSON, *, in_words: bool) -> None:
    """Codings without display; with `in_words` the words stand where the code should."""
    for manifestation in reaction.get("manifestation", ()):
        with_text(manifestation)
        for one in codings(manifestation):
            drop(one, "display")
            if in_words:
                one["code"] = text_of(manifestation)
    shown = text_of(reaction.get("manifestation"))
    reaction.setdefault("description", shown)
    drop(reaction, "substance", "onset")
    order = ("manifestation", "description", "severity", "exposureRoute", "note")
    kept = {name: reaction[name] for name in order if name in reaction}
    reaction.clear()
    reaction.update(kept)
