"""ORU^R01 out: a DiagnosticReport, its Observations, the Patient, and the Encounter if it is at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mockehr.core.changes import Change
from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import address_xad, clinician_xcn, concept_cwe, entity_ei
from mockehr.hl7.emit.forms import add_forms
from mockehr.hl7.emit.ordering import (
    add_notes,
    add_specimens,
    numbered,
    own_number,
    placer_of,
    section,
    specimen_source,
    specimens_of,
)
from mockehr.hl7.emit.outline import Event, Outline, first, needed, referred
from mockehr.hl7.emit.person import add_patient, add_visit
from mockehr.hl7.emit.values import obx_value, range_text, units
from mockehr.hl7.terms import INTERPRETATION, ORDER_STATUS, RESULT_STATUS
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Component, Field, Repeat

_UNSAID: Final = "R"
"""OBX-11 of an Observation whose status is unknown: entered, not verified."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One OBX: an Observation or one of its components, and its sub-id."""

    observation: JSON
    part: JSON
    sub: str
    last: bool
    """Whether the notes of the Observation follow."""


def results(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH PID [PV1] ORC OBR [NTE] { OBX [NTE] } [SPM] for one report.

    The Observations are those that the report's `result` refers to, in its order; all given if none is found. Members
    of an Observation follow it, told by their sub-ids: `1` has `1.1`, `1.2` and so on.
    """
    report = needed(resources, "DiagnosticReport", event)
    patient = needed(resources, "Patient", event)
    outline = Outline(event, dialect)
    encounter = first(resources, "Encounter")
    add_patient(outline, patient, encounter)
    if encounter is not None:
        add_visit(outline, encounter, resources)
    specimens = specimens_of(report, resources)
    _add_order(outline, report, resources, specimens)
    number = 0
    for line in _lines(report, resources):
        number += 1
        add_result(outline, number, line.observation, line.part, line.sub, resources)
        if line.last:
            add_notes(outline, _comments(line.observation))
    add_forms(outline, report, number)
    add_specimens(outline, specimens)
    return outline.finish()


def add_result(
    outline: Outline, number: int, observation: JSON, part: JSON, sub: str, resources: Sequence[JSON] = ()
) -> None:
    """OBX for an Observation, or for one of its components (`part`)."""
    kind, value = obx_value(part, outline)
    effective = observation.get("effectiveDateTime") or observation.get("effectivePeriod", {}).get("start", "")
    flags = part.get("interpretation") or (observation.get("interpretation", []) if part is observation else [])
    fields: dict[int, Field] = {
        1: str(number),
        2: kind,
        3: concept_cwe(part.get("code")) or concept_cwe(observation.get("code")) or ["", "Result"],
        4: sub,
        5: value,
        6: units(part),
        7: range_text(part),
        8: _flags(flags),
        11: RESULT_STATUS.get(observation.get("status", ""), _UNSAID),
        14: outline.time(effective),
        17: Repeat([concept_cwe(observation["method"])] if observation.get("method") else []),
    }
    _add_performers(fields, outline.dialect, observation, resources)
    outline.add("OBX", fields)


def _add_order(outline: Outline, report: JSON, resources: Sequence[JSON], specimens: Sequence[JSON]) -> None:
    dialect = outline.dialect
    filler = numbered(report, "FILL") or own_number(report, dialect)
    placer, orderer = None, None
    for based in report.get("basedOn", [])[:1]:
        order = referred(resources, based)
        placer = placer_of(order, dialect) if order else based.get("identifier")
        orderer = (order or {}).get("requester")
    who = (report.get("resultsInterpreter") or [None])[0]
    effective = report.get("effectiveDateTime") or report.get("effectivePeriod", {}).get("start", "")
    asked = clinician_xcn(orderer, referred(resources, orderer))
    # Quantity and timing is required in 2.3 and withdrawn later; one is its default.
    timing = "" if at_least(dialect.version, "2.4") else "1"
    outline.add("ORC", {1: "RE", 2: entity_ei(placer), 3: entity_ei(filler), 7: timing, 12: asked})
    outline.add(
        "OBR",
        {
            1: "1",
            2: entity_ei(placer),
            3: entity_ei(filler),
            4: concept_cwe(report.get("code")) or ["", "Report"],
            7: outline.time(effective),
            15: specimen_source(outline, specimens),
            16: asked,
            22: outline.time(report.get("issued", "")),
            24: section(report),
            25: ORDER_STATUS.get(report.get("status", ""), ""),
            27: timing,
            32: _person(clinician_xcn(who, referred(resources, who))),
        },
    )
    if report.get("conclusion"):
        add_notes(outline, [report["conclusion"]])


def _person(xcn: list[Component]) -> list[Component]:
    """An XCN as NDL, whose first component (CNN) has all of the person: id, name and the id's authority."""
    if not xcn:
        return []
    said = [part if isinstance(part, str) else next((one for one in part if one), "") for part in xcn]
    return [[*said[:3], "", "", "", "", "", *said[8:9]]]


def _lines(report: JSON, resources: Sequence[JSON]) -> Iterator[_Line]:
    """What becomes an OBX, in order."""
    named = [found for found in (referred(resources, one) for one in report.get("result", [])) if found]
    observations = named or [one for one in resources if one.get("resourceType") == "Observation"]
    below = {id(member) for one in observations for member in _members(one, resources)}
    counts: dict[str, int] = {}
    groups = 0
    for observation in observations:
        if id(observation) in below:
            continue
        members = _members(observation, resources)
        groups += bool(members)
        yield from _parts(observation, str(groups) if members else "", counts, bool(members))
        for number, member in enumerate(members, 1):
            yield from _parts(member, f"{groups}.{number}", counts, False)


def _members(observation: JSON, resources: Sequence[JSON]) -> list[JSON]:
    found = [referred(resources, one) for one in observation.get("hasMember", [])]
    return [one for one in found if one is not None and one.get("resourceType") == "Observation"]


def _parts(observation: JSON, sub: str, counts: dict[str, int], heads: bool) -> Iterator[_Line]:
    """The observation itself if it has a value or nothing else, and its components (a blood pressure has two).

    One that only heads its members says nothing itself. Where a code comes again without a sub-id, it gets one.
    """
    components = observation.get("component", [])
    own = any(name.startswith("value") for name in observation)
    parts = [*([observation] if own or not (components or heads) else []), *components]
    for place, part in enumerate(parts, 1):
        code = repr(concept_cwe(part.get("code")))
        counts[code] = counts.get(code, 0) + 1
        again = str(counts[code]) if counts[code] > 1 else ""
        yield _Line(observation, part, sub or again, place == len(parts))


def _comments(observation: JSON) -> list[str]:
    absent = observation.get("dataAbsentReason")
    codings = [one.get("display") or one.get("code", "") for one in (absent or {}).get("coding", [])[:1]]
    reason = (absent or {}).get("text") or next(iter(codings), "")
    told = [note.get("text", "") for note in observation.get("note", [])]
    return [*told, *([f"No result: {reason}"] if reason else [])]


def _flags(interpretations: Sequence[JSON]) -> Field:
    """OBX-8: the code of table 0078, which is that of v3-ObservationInterpretation, else any; `*` as it came."""
    codes = []
    for flag in interpretations:
        codings = sorted(flag.get("coding", []), key=lambda coding: coding.get("system") != INTERPRETATION)
        code = codings[0].get("code", "") if codings else flag.get("text", "")
        codes.append("*" if flag.get("text") == "*" else code)
    return Repeat(code for code in codes if code)


def _add_performers(
    fields: dict[int, Field], dialect: Dialect, observation: JSON, resources: Sequence[JSON]
) -> None:  # fmt: skip
    """OBX-23 to OBX-25, or OBX-15 before 2.5.1, from the organization; OBX-16 from the person."""
    for performer in observation.get("performer", []):
        reference = performer.get("reference", "")
        organization = referred(resources, performer)
        if reference.startswith("#"):
            within = observation.get("contained", [])
            organization = next((one for one in within if one.get("id") == reference[1:]), None)
        kind = (organization or {}).get("resourceType") or performer.get("type") or reference.partition("/")[0]
        if kind == "Organization" and 23 not in fields and 15 not in fields:
            _add_organization(fields, dialect, organization or {}, performer.get("display", ""))
        elif kind == "Practitioner" and 16 not in fields:
            who = clinician_xcn(performer, organization)
            fields[16] = Repeat([who]) if who else ""


def _add_organization(fields: dict[int, Field], dialect: Dialect, organization: JSON, shown: str) -> None:
    name = organization.get("name") or shown
    if not at_least(dialect.version, "2.5.1"):
        fields[15] = ["", name] if name else ""
        return
    number = next((one for one in organization.get("identifier", []) if one.get("value")), None)
    parts = entity_ei(number)
    holder = [part if isinstance(part, str) else "" for part in parts[1:]]
    fields[23] = [name, "", "", "", "", holder, "XX", "", "", str(parts[0])] if parts else [name]
    for address in organization.get("address", [])[:1]:
        fields[24] = address_xad(address, dialect)
    for contact in organization.get("contact", [])[:1]:
        person = contact.get("name", {})
        fields[25] = ["", person.get("family", ""), " ".join(person.get("given", []))]


def _tell(change: Change, dialect: Dialect) -> str:
    return "" if change.kind == "delete" else "ORU^R01"


EMITS: Final = {"ORU^R01": results}
"""Message type and trigger to what writes it."""
TELLS: Final = {"DiagnosticReport": _tell}
"""Resource type to the message that tells of its change."""
