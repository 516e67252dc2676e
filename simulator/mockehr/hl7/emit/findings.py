"""AllergyIntolerances as AL1, a visit's Conditions as DG1, its Procedures as PR1, its height and weight as OBX."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.hl7.emit.fields import clinician_xcn, concept_cwe
from mockehr.hl7.emit.outline import Outline, referred
from mockehr.hl7.emit.values import obx_value, units
from mockehr.hl7.terms import RESULT_STATUS
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Component, Repeat

_ALLERGY_TYPE: Final = MappingProxyType({"medication": "DA", "food": "FA", "environment": "EA"})
_SEVERITY: Final = MappingProxyType({"severe": "SV", "moderate": "MO", "mild": "MI"})
_USE: Final = MappingProxyType({"AD": "A", "DD": "F"})
_SIGNS: Final = frozenset({"8302-2", "29463-7"})
_VOID: Final = frozenset({"entered-in-error", "refuted"})


def add_allergies(outline: Outline, patient: JSON, resources: Sequence[JSON]) -> None:
    """Add AL1 for each allergy of the patient that holds."""
    held = [one for one in resources if one.get("resourceType") == "AllergyIntolerance" and _holds(one)]
    for number, allergy in enumerate(held, 1):
        reactions = allergy.get("reaction", [])
        severe = next((one["severity"] for one in reactions if one.get("severity")), "")
        severe = severe or {"high": "severe", "low": "mild"}.get(allergy.get("criticality", ""), "")
        words = [text for one in reactions for shown in one.get("manifestation", []) if (text := _word(shown))]
        category = _ALLERGY_TYPE.get(next(iter(allergy.get("category", [])), ""), "")
        known = at_least(outline.dialect.version, "2.4")
        kind: list[Component] = [category, "", "HL70127"] if category else []
        weight: list[Component] = [_SEVERITY[severe], "", "HL70128"] if severe in _SEVERITY else []
        outline.add(
            "AL1",
            {
                1: str(number),
                2: kind if known else kind[:1],
                3: concept_cwe(allergy.get("code")),
                4: weight if known else weight[:1],
                5: Repeat(words),
                6: outline.time(allergy.get("onsetDateTime", ""))[:8],
            },
        )


def add_diagnoses(outline: Outline, encounter: JSON, resources: Sequence[JSON]) -> None:
    """Add DG1 for each diagnosis of the visit: those that it names, in its order, then those that name it."""
    for number, (condition, use) in enumerate(_diagnoses(encounter, resources), 1):
        role = _code(use.get("use")) or ("AD" if _code(condition.get("verificationStatus")) == "provisional" else "")
        letter = _USE.get(role) or ("F" if encounter.get("status") == "finished" else "W")
        code = concept_cwe(condition.get("code"))
        outline.add(
            "DG1",
            {
                1: str(number),
                2: str(code[2]) if len(code) > 2 and not at_least(outline.dialect.version, "2.4") else "",
                3: code,
                5: outline.time(condition.get("recordedDate") or condition.get("onsetDateTime", "")),
                6: letter,
                15: str(use.get("rank", "")),
                16: clinician_xcn(condition.get("asserter"), referred(resources, condition.get("asserter"))),
            },
        )


def add_procedures(outline: Outline, encounter: JSON, resources: Sequence[JSON]) -> None:
    """Add PR1 for each procedure that was completed during the visit."""
    done = [
        one
        for one in resources
        if one.get("resourceType") == "Procedure"
        and one.get("status") in ("completed", "in-progress")
        and _of(one, encounter)
    ]
    for number, procedure in enumerate(done, 1):
        when = procedure.get("performedDateTime") or procedure.get("performedPeriod", {}).get("start", "")
        code = concept_cwe(procedure.get("code"))
        if code and not code[0]:
            code = [code[1], code[1], "L"]  # PR1-3 is coded, with or without a code
        actor = next((one.get("actor") for one in procedure.get("performer", [])), None)
        old = not at_least(outline.dialect.version, "2.4")
        outline.add(
            "PR1",
            {
                1: str(number),
                2: (str(code[2]) if len(code) > 2 else "L") if old else "",
                3: code,
                5: outline.time(when) or outline.now(),
                6: "D" if old else "",  # table 0230: diagnostic; 2.3 wants one and FHIR does not say
                11: clinician_xcn(actor, referred(resources, actor)),
            },
        )


def add_signs(outline: Outline, encounter: JSON, resources: Sequence[JSON]) -> None:
    """Add OBX for each height and weight of the visit that is at hand."""
    measured = [
        one
        for one in resources
        if one.get("resourceType") == "Observation"
        and _of(one, encounter)
        and any(coding.get("code") in _SIGNS for coding in one.get("code", {}).get("coding", []))
    ]
    for number, sign in enumerate(measured, 1):
        kind, value = obx_value(sign, outline)
        outline.add(
            "OBX",
            {
                1: str(number),
                2: kind,
                3: concept_cwe(sign.get("code")),
                4: "1",
                5: value,
                6: units(sign),
                11: RESULT_STATUS.get(sign.get("status", ""), "F"),
                14: outline.time(sign.get("effectiveDateTime", "")),
            },
        )


def _diagnoses(encounter: JSON, resources: Sequence[JSON]) -> Iterator[tuple[JSON, JSON]]:
    told = set()
    for use in encounter.get("diagnosis", []):
        condition = referred(resources, use.get("condition"))
        if condition is not None and condition["resourceType"] == "Condition" and _true(condition):
            told.add(condition.get("id"))
            yield condition, use
    for one in resources:
        mine = one.get("resourceType") == "Condition" and one.get("id") not in told and _of(one, encounter)
        if mine and _true(one):
            kinds = [coding.get("code") for kind in one.get("category", []) for coding in kind.get("coding", [])]
            if "encounter-diagnosis" in kinds:
                yield one, {}


def _holds(allergy: JSON) -> bool:
    return _true(allergy) and _code(allergy.get("clinicalStatus")) in ("", "active") and bool(allergy.get("code"))


def _true(resource: JSON) -> bool:
    return _code(resource.get("verificationStatus")) not in _VOID and bool(resource.get("code"))


def _of(resource: JSON, encounter: JSON) -> bool:
    return referred([encounter], resource.get("encounter")) is encounter


def _word(concept: JSON) -> str:
    codings = concept.get("coding", [])
    return str(concept.get("text") or (codings[0].get("display") or codings[0].get("code", "") if codings else ""))


def _code(concept: Any) -> str:
    codings = (concept or {}).get("coding", [])
    return str(codings[0].get("code", "")) if codings else ""
