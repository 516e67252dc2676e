"""DG1, PR1 and the OBX of an ADT message: diagnoses and procedures of a visit, height and weight.

DG1 and PR1 list all that the visit has (snapshots, chapter 2.10.4): what is not listed any more was a mistake. No
segment says nothing.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.hl7.accept.fields import clinician, concept, integer, when
from mockehr.hl7.accept.intents import Context, Intent, Key, Listing, Upsert, reference
from mockehr.hl7.accept.values import value
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.hl7.segment import Segment, part
from mockehr.hl7.terms import LOCAL_AUTHORITY, OBSERVATION_CATEGORY, OBSERVATION_STATUS

TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
DIAGNOSIS_USE: Final = MappingProxyType({"A": "AD", "W": "AD", "F": "DD"})
"""DG1-6 (table 0052) to diagnosis-role; a working diagnosis counts as that of the admission."""
_CODINGS: Final = MappingProxyType(
    {"I10": "http://hl7.org/fhir/sid/icd-10-cm", "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
     "ICD10": "http://hl7.org/fhir/sid/icd-10-cm", "ICD-10": "http://hl7.org/fhir/sid/icd-10-cm",
     "ICD-10-CM": "http://hl7.org/fhir/sid/icd-10-cm", "ICD10CM": "http://hl7.org/fhir/sid/icd-10-cm",
     "I9": "http://hl7.org/fhir/sid/icd-9-cm", "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
     "ICD9": "http://hl7.org/fhir/sid/icd-9-cm", "ICD-9": "http://hl7.org/fhir/sid/icd-9-cm",
     "SNMCT": "http://snomed.info/sct", "I10P": "http://www.cms.gov/Medicare/Coding/ICD10"}
)  # fmt: skip
"""What senders write in DG1-2, DG1-3.3, PR1-2 and PR1-3.3."""
_SIGNS: Final = MappingProxyType(
    {"8302-2": "8302-2", "3137-7": "8302-2", "HT": "8302-2", "HEIGHT": "8302-2", "BODY HEIGHT": "8302-2",
     "29463-7": "29463-7", "3141-9": "29463-7", "WT": "29463-7", "WEIGHT": "29463-7", "BODY WEIGHT": "29463-7"}
)  # fmt: skip
"""What senders call height and weight, and the LOINC codes of the vital signs profiles."""


def diagnoses(
    message: Message, context: Context, encounter: str, patient: str = "patient"
) -> tuple[Listing | None, list[JSON] | None]:
    """(Conditions from all DG1, Encounter.diagnosis that refers to them); (None, None) if there is no DG1."""
    segments = message.all("DG1")
    if not segments:
        return None, None
    items: list[JSON] = []
    uses: list[JSON] = []
    for dg1 in segments:
        item = _diagnosis(dg1, context, patient, encounter)
        if item is None or dg1.text(21, 1, 1) == "D":
            continue
        like = next((n for n, other in enumerate(items, 1) if same_code(other, item)), 0)
        if not like:
            items.append(item)
        uses.append(_use(dg1, f"diagnosis-{like or len(items)}", len(uses) + 1))
    listing = Listing(
        "Condition", patient, tuple(items), same_code, _present, _of_visit,
        _mistaken if context.dialect.lists == "snapshot" else None, "diagnosis", encounter,
    )  # fmt: skip
    return listing, uses


def procedures(message: Message, context: Context, encounter: str, patient: str = "patient") -> list[Listing]:
    """Procedures from all PR1 of a visit."""
    segments = message.all("PR1")
    if not segments:
        return []
    items = [item for item in (_procedure(pr1, context, patient, encounter) for pr1 in segments) if item]
    retired = _never_done if context.dialect.lists == "snapshot" else None
    return [
        Listing(
            "Procedure", patient, tuple(items), _same_procedure, _present, lambda stored: True, retired,
            "procedure", encounter,
        )
    ]  # fmt: skip


def signs(
    message: Message, context: Context, encounter: str, patient: str = "patient"
) -> tuple[list[Intent], tuple[Fault, ...]]:
    """(Observations from all OBX, what could not be read): vital signs, the same again where their times agree."""
    found: list[Intent] = []
    unread: list[Fault] = []
    visit = message.get("PV1-19.1") or message.get("PID-18.1") or message.get("PID-3.1")
    for number, obx in enumerate(message.all("OBX"), 1):
        try:
            item = _sign(obx, context, number)
        except Rejection as rejection:
            # An admission is not to fail for want of a weight.
            unread += [replace(fault, severity="W") for fault in rejection.faults]
            continue
        if item is None:
            continue
        item |= {"subject": reference(patient)} | ({"encounter": reference(encounter)} if encounter else {})
        code = item["code"].get("coding", [{}])[0].get("code") or item["code"].get("text", "")
        key = Key(LOCAL_AUTHORITY + "observation", f"{visit}:{code}:{item['effectiveDateTime']}")
        item["identifier"] = [{"system": key.system, "value": key.value}]
        found.append(Upsert(f"sign-{number}", item, (key,), quiet=True))
    return found, tuple(unread)


def _diagnosis(dg1: Segment, context: Context, patient: str, encounter: str) -> JSON | None:
    said = _coded(dg1, 3, dg1.text(2, 1, 1))
    text = dg1.text(4, 1, 1) if dg1.has(4) else ""
    if not said and not text:
        return None
    item: JSON = {
        "clinicalStatus": status("condition-clinical", "active"),
        "verificationStatus": status(
            "condition-ver-status", "provisional" if dg1.text(6, 1, 1) in ("A", "W") else "confirmed"
        ),
        "category": [status("condition-category", "encounter-diagnosis")],
        "code": {**said, "text": said.get("text") or text} if said.get("text") or text else said,
        "subject": reference(patient),
        "encounter": reference(encounter),
    }
    recorded = when(dg1, 5, context) or when(dg1, 19, context)
    if recorded:
        item["recordedDate"] = recorded
    who = next((one for one in map(clinician, dg1.repetitions(16)) if one), None)
    if who:
        item["asserter"] = who
    return item


def _use(dg1: Segment, key: str, rank: int) -> JSON:
    use: JSON = {"condition": reference(key)}
    role = DIAGNOSIS_USE.get(dg1.text(6, 1, 1).upper())
    if role:
        use["use"] = {"coding": [{"system": TERMINOLOGY + "diagnosis-role", "code": role}]}
    return use | {"rank": integer(dg1.text(15, 1, 1)) or rank}


def _procedure(pr1: Segment, context: Context, patient: str, encounter: str) -> JSON | None:
    said = _coded(pr1, 3, pr1.text(2, 1, 1))
    text = pr1.text(4, 1, 1) if pr1.has(4) else ""
    if not said and not text:
        return None
    item: JSON = {
        "status": "completed",
        "code": {**said, "text": said.get("text") or text} if said.get("text") or text else said,
        "subject": reference(patient),
        "encounter": reference(encounter),
        "performedDateTime": when(pr1, 5, context) or instant(context.at),
    }
    people = [one for field in (11, 8, 12) for one in map(clinician, pr1.repetitions(field)) if one]
    if people:
        item["performer"] = [{"actor": people[0]}]
    return item


def _sign(obx: Segment, context: Context, number: int) -> JSON | None:
    said = concept(obx.repetitions(3)[0]) if obx.has(3) else None
    if not said or not obx.text(2, 1, 1):
        return None
    found = value(obx, context, number)
    if found is None or found[0] == "attachment":
        return None
    words = {coding["code"].upper() for coding in said.get("coding", [])} | {said.get("text", "").upper()}
    loinc = next((_SIGNS[word] for word in sorted(words) if word in _SIGNS), "")
    category = "vital-signs" if loinc else "exam"
    if loinc and not any(coding.get("system") == "http://loinc.org" for coding in said.get("coding", [])):
        said["coding"] = [{"system": "http://loinc.org", "code": loinc}, *said.get("coding", [])]
    return {
        "resourceType": "Observation",
        "status": OBSERVATION_STATUS.get(obx.text(11, 1, 1).upper(), "final"),
        "category": [{"coding": [{"system": OBSERVATION_CATEGORY, "code": category}]}],
        "code": said,
        "effectiveDateTime": when(obx, 14, context) or instant(context.at),
        found[0]: found[1],
    }


def _coded(segment: Segment, field: int, method: str) -> JSON:
    """A CE whose coding system may stand in its third component or in the field before."""
    said = concept(segment.repetitions(field)[0]) if segment.has(field) else None
    if not said:
        return {}
    third = part(segment.repetitions(field)[0], 3)
    system = _CODINGS.get(third.upper()) or (_CODINGS.get(method.upper()) if not third else "")
    for coding in said.get("coding", [])[:1]:
        if system:
            coding["system"] = system
        if "icd-10-cm" in coding.get("system", "") and len(coding["code"]) > 3 and "." not in coding["code"]:
            coding["code"] = f"{coding['code'][:3]}.{coding['code'][3:]}"
    return said


def status(system: str, code: str) -> JSON:
    """A CodeableConcept of one code of a HL7 code system."""
    return {"coding": [{"system": TERMINOLOGY + system, "code": code}]}


def words(said: JSON) -> set[str]:
    """Every word by which a CodeableConcept calls its thing, folded."""
    texts = [said.get("text", "")]
    for coding in said.get("coding", []):
        texts += [coding.get("code", ""), coding.get("display", "")]
    return {text.strip().casefold() for text in texts}


def same_code(stored: JSON, told: JSON) -> bool:
    """Any code in common; where one of them has none, the same text."""
    ours, theirs = ({coding["code"] for coding in one.get("code", {}).get("coding", []) if coding.get("code")}
                    for one in (stored, told))  # fmt: skip
    if ours and theirs:
        return bool(ours & theirs)
    return bool(words(stored.get("code", {})) & words(told["code"]) - {""})


def _same_procedure(stored: JSON, told: JSON) -> bool:
    day = stored.get("performedDateTime") or stored.get("performedPeriod", {}).get("start", "")
    return same_code(stored, told) and day[:10] == told["performedDateTime"][:10]


def _present(stored: JSON, told: JSON) -> JSON:
    """What is told is added to what is known; a diagnosis or procedure that was thought a mistake is none."""
    found = {**told, **stored}
    for name, mistake in (("verificationStatus", "entered-in-error"), ("status", "entered-in-error")):
        if name in told and mistake in (code(stored.get(name)), stored.get(name)):
            found |= {part: told[part] for part in (name, "clinicalStatus") if part in told}
    if code(stored.get("verificationStatus")) == "provisional" and "verificationStatus" in told:
        found["verificationStatus"] = told["verificationStatus"]
    return found


def code(concept_: Any) -> str:
    """The first code of a CodeableConcept; empty if it has none."""
    codings = (concept_ or {}).get("coding", []) if isinstance(concept_, dict) else []
    return str(codings[0].get("code", "")) if codings else ""


def _of_visit(condition: JSON) -> bool:
    """A diagnosis of a visit that may be withdrawn: entries of the problem list only mention it."""
    codes = {coding.get("code") for kind in condition.get("category", []) for coding in kind.get("coding", [])}
    return "encounter-diagnosis" in codes


def _mistaken(condition: JSON) -> JSON:
    kept = {name: value for name, value in condition.items() if name != "clinicalStatus"}
    return {**kept, "verificationStatus": status("condition-ver-status", "entered-in-error")}


def _never_done(procedure: JSON) -> JSON:
    return {**procedure, "status": "entered-in-error"}
