"""VXU^V04 out: an Immunization, its patient, and the Encounter if it is at hand (CDC's guide for 2.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockehr.core.changes import Change
from mockehr.core.errors import UsageError
from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import concept_cwe, entity_ei
from mockehr.hl7.emit.outline import Event, Outline, needed, referred
from mockehr.hl7.emit.places import place_pl
from mockehr.hl7.emit.treatment import (
    add_route,
    clinicians,
    concepts_cwe,
    numbered,
    open_message,
    own_number,
    plain_number,
    units,
    value_of,
)
from mockehr.hl7.medication import MVX, SOURCE, SOURCES
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Component, Field, Repeat

ORIGIN_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/immunization-origin"
_OBJECTIONS: Final = ("PATOBJ", "OBJ", "RELIG", "PHILISOP", "IMMUNE")
_LOINC: Final = {
    "64994-7": "Vaccine funding program eligibility category",
    "30963-3": "Vaccine funding source",
    "30973-2": "Dose number in series",
    "30956-7": "Vaccine type",
    "29768-9": "Date vaccine information statement published",
    "29769-7": "Date vaccine information statement presented",
}
_ORDERING: Final = "OP"


def vaccination(event: Event, resources: Sequence[JSON], dialect: Dialect) -> bytes:
    """MSH PID [PV1] [ORC] RXA [RXR] {OBX [NTE]} of one Immunization; ORC from 2.5 on, which requires it.

    Raises UsageError for a version that has no such message.
    """
    if not at_least(dialect.version, "2.3"):
        raise UsageError(f"HL7 {dialect.version} has no VXU.", remedy="Write it in 2.3 or a later version.")
    dose = needed(resources, "Immunization", event)
    outline, _ = open_message(event, resources, dialect)
    add_dose(outline, dose, resources)
    return outline.finish()


def add_dose(outline: Outline, dose: JSON, resources: Sequence[JSON]) -> None:
    """Add ORC, RXA, RXR and OBX of one Immunization."""
    dialect = outline.dialect
    if at_least(dialect.version, "2.5"):
        filler = numbered(dose, "FILL") or plain_number(dose) or own_number(dose, dialect)
        orderers = clinicians(_actors(dose, ordering=True), resources)
        outline.add("ORC", {1: "RE", 2: entity_ei(numbered(dose, "PLAC")), 3: entity_ei(filler), 12: orderers})
    outline.add("RXA", _administered(dose, resources, outline))
    if dose.get("status") != "not-done":
        add_route(outline, dose, required=False)
    _add_observations(outline, dose)


def _administered(dose: JSON, resources: Sequence[JSON], outline: Outline) -> dict[int, Field]:
    status = dose.get("status", "completed")
    given = dose.get("doseQuantity") if status != "not-done" else None
    at = outline.time(dose.get("occurrenceDateTime", ""))
    modern = at_least(outline.dialect.version, "2.7")
    where = place_pl(dose.get("location"), referred(resources, dose.get("location")))
    maker = dose.get("manufacturer", {})
    reason = dose.get("statusReason") if status == "not-done" else None
    return {
        1: "0",
        2: "1",
        3: at,
        4: at,
        5: concept_cwe(dose.get("vaccineCode")),
        6: value_of(given) or "999",
        7: units(given),
        9: Repeat([_source(dose)]),
        10: clinicians(_actors(dose, ordering=False), resources),
        11: "" if modern or not where else _facility(where),
        15: str(dose.get("lotNumber", "")) if status != "not-done" else "",
        16: outline.time(dose.get("expirationDate", "")) if status != "not-done" else "",
        17: _maker(maker, referred(resources, maker)),
        18: concepts_cwe([reason] if reason else []),
        20: _completion(dose, reason),
        21: _action(dose),
        22: outline.time(dose.get("recorded", "")),
        27: where if modern else "",
    }


def _actors(dose: JSON, *, ordering: bool) -> list[JSON | None]:
    """Who ordered the dose, or who gave it."""
    found: list[JSON | None] = []
    for performer in dose.get("performer", []):
        roles = [coding.get("code") for coding in performer.get("function", {}).get("coding", [])]
        if (_ORDERING in roles) is ordering:
            found.append(performer.get("actor"))
    return found


def _source(dose: JSON) -> list[Component]:
    """RXA-9: a new record, or who told of it."""
    code = "00"
    if dose.get("primarySource") is False or ("reportOrigin" in dose and not dose.get("primarySource")):
        codings = dose.get("reportOrigin", {}).get("coding", [])
        origins = [coding.get("code", "") for coding in codings if coding.get("system") == ORIGIN_SYSTEM]
        code = next((SOURCE[origin] for origin in origins if origin in SOURCE), "01")
    return [code, SOURCES[code], "NIP001"]


def _facility(where: list[Component]) -> list[Component]:
    """A place as LA2: the facility stands in the fourth component, and a place that is none is called one."""
    first = where[0] if where else ""
    return where[:4] if len(where) > 3 and where[3] else ["", "", "", first]


def _maker(reference: JSON, organization: JSON | None) -> list[Component]:
    code = reference.get("identifier", {})
    name = reference.get("display") or (organization or {}).get("name", "")
    if code.get("value"):
        return [code["value"], name, "MVX" if code.get("system") == MVX else "L"]
    return ["", name] if name else []


def _completion(dose: JSON, reason: JSON | None) -> str:
    """RXA-20: complete, in part, refused, or not given for another reason."""
    if dose.get("status") == "not-done":
        codes = [coding.get("code") for coding in (reason or {}).get("coding", [])]
        return "RE" if any(code in _OBJECTIONS[:4] for code in codes) else "NA"
    return "PA" if dose.get("isSubpotent") else "CP"


def _action(dose: JSON) -> str:
    if dose.get("status") == "entered-in-error":
        return "D"
    return "A" if dose.get("meta", {}).get("versionId", "1") == "1" else "U"


def _add_observations(outline: Outline, dose: JSON) -> None:
    """Funding, place in the series and information sheets as OBX; notes after the last."""
    kind = "CWE" if at_least(outline.dialect.version, "2.5.1") else "CE"
    moment = "DTM" if at_least(outline.dialect.version, "2.6") else "TS"
    rows: list[tuple[str, str, str, Field]] = []
    rows += [("64994-7", kind, "1", concept_cwe(one)) for one in dose.get("programEligibility", [])]
    if dose.get("fundingSource"):
        rows.append(("30963-3", kind, "2", concept_cwe(dose["fundingSource"])))
    for series in dose.get("protocolApplied", [])[:1]:
        if series.get("doseNumberPositiveInt"):
            rows.append(("30973-2", "NM", "3", str(series["doseNumberPositiveInt"])))
    for place, sheet in enumerate(dose.get("education", []), 4):
        rows.append(("30956-7", kind, str(place), ["", sheet.get("documentType", "")]))
        for code, element in (("29768-9", "publicationDate"), ("29769-7", "presentationDate")):
            rows.append((code, moment, str(place), outline.time(sheet.get(element, ""))))
    at = outline.time(dose.get("occurrenceDateTime", ""))
    told = [row for row in rows if row[3]]
    for number, (code, of, group, value) in enumerate(told, 1):
        fields: dict[int, Field] = {1: str(number), 2: of, 3: [code, _LOINC[code], "LN"], 4: group, 5: value}
        outline.add("OBX", {**fields, 11: "F", 14: at})
    texts = [note["text"] for note in dose.get("note", []) if note.get("text")]
    if texts and not told:
        told_as: dict[int, Field] = {1: "1", 2: "ST", 3: ["48767-8", "Annotation comment", "LN"], 4: "1"}
        outline.add("OBX", {**told_as, 5: " ".join(texts[0].split()), 11: "F", 14: at})
        texts = texts[1:]
    for number, text in enumerate(texts, 1):
        outline.add("NTE", {1: str(number), 3: Repeat(text.split("\n"))})


def _tell(change: Change, dialect: Dialect) -> str:
    told = change.kind != "delete" and at_least(dialect.version, "2.3")
    return "VXU^V04" if told else ""


EMITS: Final = {"VXU^V04": vaccination}
"""Message type and trigger to what writes it."""
TELLS: Final = {"Immunization": _tell}
"""Resource type to the message that tells of its change."""
