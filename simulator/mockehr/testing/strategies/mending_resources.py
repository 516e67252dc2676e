"""What makes drawn resources and their parts keep the invariants of R4; the keys are HL7's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.fhir.validation.rules import in_order

_TERMS: Final = "http://terminology.hl7.org/CodeSystem/"
_OPTIONS: Final = ("answerOption", "answerValueSet")
_UNANSWERED: Final = ("required", "repeats", "initial", "maxLength", "item", *_OPTIONS)
Mend = Callable[[JSON], JSON]


def without(drawn: JSON, *names: str) -> JSON:
    """The object without these elements."""
    return {key: value for key, value in drawn.items() if key not in names}


def coded_as(concept: JSON) -> str:
    """The code of a concept's first coding; empty if there is none."""
    return str((concept.get("coding") or [{}])[0].get("code", ""))


def _needing(needed: str, value: Any, *others: str) -> Mend:
    """Adds an element where none of the others is there."""

    def mend(drawn: JSON) -> JSON:
        return drawn if any(name in drawn for name in (needed, *others)) else {**drawn, needed: value}

    return mend


def _excluding(kept: str, *others: str) -> Mend:
    """Where `kept` is there, the others are not."""
    return lambda drawn: without(drawn, *others) if kept in drawn else drawn


def _coded(system: str, code: str) -> JSON:
    return {"coding": [{"system": _TERMS + system, "code": code}]}


def _allergy(drawn: JSON) -> JSON:  # ait-1, ait-2
    if coded_as(drawn.get("verificationStatus", {})) == "entered-in-error":
        return without(drawn, "clinicalStatus")
    return {"clinicalStatus": _coded("allergyintolerance-clinical", "active"), **drawn}


def _condition(drawn: JSON) -> JSON:  # con-3 to con-5
    abated = [name for name in drawn if name.startswith("abatement")]
    if coded_as(drawn.get("verificationStatus", {})) == "entered-in-error":
        return without(drawn, "clinicalStatus", *abated)
    if abated and coded_as(drawn.get("clinicalStatus", {})) not in ("inactive", "resolved", "remission"):
        return {**drawn, "clinicalStatus": _coded("condition-clinical", "inactive")}
    return {"clinicalStatus": _coded("condition-clinical", "active"), **drawn}


def _appointment(drawn: JSON) -> JSON:  # app-2 to app-4
    if ("start" in drawn) != ("end" in drawn):
        drawn = without(drawn, "start", "end")
    if "start" not in drawn and drawn["status"] not in ("proposed", "cancelled", "waitlist"):
        drawn = {**drawn, "status": "proposed"}
    return drawn if drawn["status"] in ("cancelled", "noshow") else without(drawn, "cancelationReason")


def _bundle(drawn: JSON) -> JSON:  # bdl-1 to bdl-12
    seen: set[str] = set()
    entries = []
    for entry in drawn.get("entry", ()):
        if drawn["type"] != "searchset":
            entry = without(entry, "search")
        entries.append(without(entry, "fullUrl") if entry.get("fullUrl") in seen else entry)
        seen.add(entry.get("fullUrl", ""))
    made = {**drawn, "entry": entries} if entries else drawn
    return made if drawn["type"] == "searchset" else {**without(made, "total"), "type": "collection"}


def _bundle_entry(drawn: JSON) -> JSON:  # bdl-3 to bdl-5
    rest = without(drawn, "request", "response")
    return {"resource": {"resourceType": "Basic", "code": {"text": "a"}}, **rest}


def _family_member(drawn: JSON) -> JSON:  # fhs-1, fhs-2
    ages = [name for name in drawn if name.startswith("age")]
    if ages:
        return without(drawn, *(name for name in drawn if name.startswith("born")))
    return without(drawn, "estimatedAge")


def _goal_target(drawn: JSON) -> JSON:  # gol-1
    return {"measure": {"text": "a"}, **drawn} if any(name.startswith("detail") for name in drawn) else drawn


def _group(drawn: JSON) -> JSON:  # grp-1
    return {**drawn, "actual": True} if "member" in drawn else drawn


def _list(drawn: JSON) -> JSON:  # lst-1 to lst-3
    if "entry" not in drawn:
        return drawn
    barred = [name for name, mode in (("deleted", "changes"), ("date", "working")) if drawn["mode"] != mode]
    return {**without(drawn, "emptyReason"), "entry": [without(entry, *barred) for entry in drawn["entry"]]}


def _dispense(drawn: JSON) -> JSON:  # mdd-1
    if in_order(drawn.get("whenPrepared"), drawn.get("whenHandedOver")):
        return drawn
    return {**drawn, "whenPrepared": drawn["whenHandedOver"], "whenHandedOver": drawn["whenPrepared"]}


def _dosage(drawn: JSON) -> JSON:  # mad-1
    fits = "dose" in drawn or any(name.startswith("rate") for name in drawn)
    return drawn if fits else {**drawn, "dose": {"value": 1, "unit": "mg"}}


def _observation(drawn: JSON) -> JSON:  # obs-6, obs-7
    if not any(name.startswith("value") for name in drawn):
        return drawn
    drawn = without(drawn, "dataAbsentReason")
    codings = drawn["code"].get("coding", ())
    parts = [_renamed(part, codings) for part in drawn.get("component", ())]
    return {**drawn, "component": parts} if parts else drawn


def _renamed(component: JSON, codings: Sequence[JSON]) -> JSON:
    repeated = any(coding in codings for coding in component["code"].get("coding", ()))
    return {**component, "code": {"text": "a"}} if repeated else component


def _organization(drawn: JSON) -> JSON:  # org-1 to org-3
    made = drawn if "identifier" in drawn else {"name": "House", **drawn}
    for name in ("address", "telecom"):
        if name in made:
            made = {**made, name: [{**one, "use": "work"} if one.get("use") == "home" else one for one in made[name]]}
    return made


def _parameter(drawn: JSON) -> JSON:  # inv-1
    values = [name for name in drawn if name not in ("id", "name")]
    return without(drawn, *values[1:]) if values else {**drawn, "valueBoolean": False}


def _question(drawn: JSON) -> JSON:  # que-1 to que-12
    kind = drawn["type"]
    if kind in ("group", "display"):
        return {**without(drawn, *_UNANSWERED, "enableWhen"), "type": "display"}
    if kind not in ("choice", "open-choice", "decimal", "integer", "date", "dateTime", "time", "string", "quantity"):
        drawn = without(drawn, *_OPTIONS)
    if kind not in ("boolean", "decimal", "integer", "string", "text", "url", "open-choice"):
        drawn = without(drawn, "maxLength")
    return _excluding("answerOption", "answerValueSet", "initial")(drawn)


def _questionnaire(drawn: JSON) -> JSON:  # que-2
    number = 0

    def numbered(items: list[JSON]) -> list[JSON]:
        nonlocal number
        made = []
        for item in items:
            number += 1
            inner: JSON = {**item, "linkId": f"{item['linkId']}.{number}"}
            made.append({**inner, "item": numbered(item["item"])} if "item" in item else inner)
        return made

    return {**drawn, "item": numbered(drawn["item"])} if "item" in drawn else drawn


def _order(drawn: JSON) -> JSON:  # prr-1
    return {"code": {"text": "a"}, **drawn} if "orderDetail" in drawn else drawn


def _section(drawn: JSON) -> JSON:  # cmp-1, cmp-2
    made = _needing("entry", [{"reference": "Basic/a"}], "text", "section")(drawn)
    return _excluding("entry", "emptyReason")(made)


MENDS: Final[Mapping[str, Mend]] = MappingProxyType(
    {
        "AllergyIntolerance": _allergy,
        "Appointment": _appointment,
        "Appointment.participant": _needing("actor", {"reference": "Patient/a"}, "type"),  # app-1
        "Bundle": _bundle,
        "Bundle.entry": _bundle_entry,
        "CarePlan.activity": _excluding("detail", "reference"),  # cpl-3
        "Composition.section": _section,
        "Condition": _condition,
        "Condition.evidence": _needing("code", [{"text": "a"}], "detail"),  # con-2
        "Condition.stage": _needing("summary", {"text": "a"}, "assessment"),  # con-1
        "Consent": _needing("policyRule", {"text": "a"}, "policy"),  # ppc-1
        "FamilyMemberHistory": _family_member,
        "Goal.target": _goal_target,
        "Group": _group,
        "Immunization.education": _needing("documentType", "a", "reference"),  # imm-1
        "List": _list,
        "MedicationAdministration.dosage": _dosage,
        "MedicationDispense": _dispense,
        "Observation": _observation,
        "Observation.referenceRange": _needing("text", "a", "low", "high"),  # obs-3
        "Organization": _organization,
        "Parameters.parameter": _parameter,
        "Patient.contact": _needing("name", {"text": "a"}, "telecom", "address", "organization"),  # pat-1
        "Questionnaire": _questionnaire,
        "Questionnaire.item": _question,
        "QuestionnaireResponse.item": _excluding("answer", "item"),  # qrs-1
        "ServiceRequest": _order,
    }
)
