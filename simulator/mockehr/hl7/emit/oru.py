"""ORU^R01 out: a DiagnosticReport, its Observations, the Patient, and the Encounter if it is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import clinician_xcn, concept_cwe, entity_ei
from mockehr.hl7.emit.outline import Event, Outline, first, needed, referred
from mockehr.hl7.emit.person import add_patient, add_visit
from mockehr.hl7.emit.values import obx_value, range_text, units
from mockehr.hl7.terms import DIAGNOSTIC_SECTION, ORDER_STATUS, RESULT_STATUS
from mockehr.hl7.write import Field, Repeat


def results(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH PID [PV1] ORC OBR [NTE] { OBX [NTE] } for one report.

    The Observations are those that the report's `result` refers to, in its order; all given if none is found.
    """
    report = needed(resources, "DiagnosticReport", event)
    patient = needed(resources, "Patient", event)
    outline = Outline(event, dialect)
    encounter = first(resources, "Encounter")
    add_patient(outline, patient, encounter)
    if encounter is not None:
        add_visit(outline, encounter, resources)
    _add_order(outline, report, resources)
    named = [found for found in (referred(resources, one) for one in report.get("result", [])) if found]
    observations = named or [one for one in resources if one.get("resourceType") == "Observation"]
    number = 0
    for observation in observations:
        for part in _parts(observation):
            number += 1
            _add_result(outline, number, observation, part)
        _add_notes(outline, [note.get("text", "") for note in observation.get("note", [])])
    for form in report.get("presentedForm", []):
        if form.get("data"):
            number += 1
            _add_document(outline, number, report, form)
    return outline.finish()


def _add_order(outline: Outline, report: JSON, resources: Sequence[JSON]) -> None:
    filler = _numbered(report.get("identifier", []), "FILL") or {"value": report.get("id", "")}
    placer = None
    for based in report.get("basedOn", [])[:1]:
        order = referred(resources, based) or {}
        placer = based.get("identifier") or _numbered(order.get("identifier", []), "PLAC")
    who = (report.get("resultsInterpreter") or [None])[0]
    effective = report.get("effectiveDateTime") or report.get("effectivePeriod", {}).get("start", "")
    # Quantity and timing is required in 2.3 and withdrawn later; one is its default.
    timing = "1" if outline.dialect.version < "2.4" else ""
    outline.add("ORC", {1: "RE", 2: entity_ei(placer), 3: entity_ei(filler), 7: timing})
    outline.add(
        "OBR",
        {
            1: "1",
            2: entity_ei(placer),
            3: entity_ei(filler),
            4: concept_cwe(report.get("code")),
            7: outline.time(effective),
            22: outline.time(report.get("issued", "")),
            24: _section(report),
            25: ORDER_STATUS.get(report.get("status", ""), "F"),
            27: timing,
            32: clinician_xcn(who, referred(resources, who)),
        },
    )
    if report.get("conclusion"):
        _add_notes(outline, [report["conclusion"]])


def _parts(observation: JSON) -> list[JSON]:
    """The observation itself if it has a value or nothing else, and its components (a blood pressure has two)."""
    components = observation.get("component", [])
    own = any(name.startswith("value") for name in observation)
    return [*([observation] if own or not components else []), *components]


def _add_result(outline: Outline, number: int, observation: JSON, part: JSON) -> None:
    kind, value = obx_value(part, outline)
    effective = observation.get("effectiveDateTime") or observation.get("effectivePeriod", {}).get("start", "")
    flags = part.get("interpretation") or (observation.get("interpretation", []) if part is observation else [])
    fields: dict[int, Field] = {
        1: str(number),
        2: kind,
        3: concept_cwe(part.get("code")),
        5: value,
        6: units(part),
        7: range_text(part),
        8: Repeat(coding.get("code", "") for flag in flags for coding in flag.get("coding", [])[:1]),
        11: RESULT_STATUS.get(observation.get("status", ""), "F"),
        14: outline.time(effective),
    }
    outline.add("OBX", fields)


def _add_notes(outline: Outline, texts: Sequence[str]) -> None:
    lines = [line for text in texts for line in text.split("\n")]
    for number, line in enumerate(lines, 1):
        outline.add("NTE", {1: str(number), 3: line})


def _add_document(outline: Outline, number: int, report: JSON, form: JSON) -> None:
    major, _, minor = form.get("contentType", "application/octet-stream").partition("/")
    value = ["", major, minor, "Base64", form["data"]]
    status = RESULT_STATUS.get(report.get("status", ""), "F")
    code = concept_cwe(report.get("code"))
    if form.get("title"):
        code = [*code[:1], form["title"], *code[2:]]
    outline.add("OBX", {1: str(number), 2: "ED", 3: code, 5: value, 11: status})


def _numbered(identifiers: Sequence[JSON], kind: str) -> JSON | None:
    """The identifier of that type (table 0203), else the first."""
    for identifier in identifiers:
        if any(coding.get("code") == kind for coding in identifier.get("type", {}).get("coding", [])):
            return identifier
    return identifiers[0] if identifiers else None


def _section(report: JSON) -> str:
    for category in report.get("category", []):
        for coding in category.get("coding", []):
            if coding.get("system") == DIAGNOSTIC_SECTION:
                return str(coding.get("code", ""))
    return ""


def _tell(change: Change, dialect: Dialect) -> str:
    return "" if change.kind == "delete" else "ORU^R01"


EMITS: Final = {"ORU^R01": results}
"""Message type and trigger to what writes it."""
TELLS: Final = {"DiagnosticReport": _tell}
"""Resource type to the message that tells of its change."""
