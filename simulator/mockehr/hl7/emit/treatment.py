"""What messages of care that was given or ordered share: numbers, amounts, routes, drugs, timing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import clinician_xcn, concept_cwe, entity_ei
from mockehr.hl7.emit.outline import Event, Outline, first, needed, referred
from mockehr.hl7.emit.person import add_patient, add_visit
from mockehr.hl7.medication import ROUTE_OTHER, length_letters, pattern_of
from mockehr.hl7.terms import LOCAL_AUTHORITY, UCUM
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Component, Field, Repeat

_ACT_SITE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActSite"
_ROUTE: Final = "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration"
_TABLE: Final = "http://terminology.hl7.org/CodeSystem/v2-"
_ROUTES: Final = {"PO": "PO", "IM": "IM", "SQ": "SC", "IDINJ": "ID", "IVINJ": "IV", "IV": "IV", "NASINHLC": "NS"}
"""v3-RouteOfAdministration to table 0162."""


def open_message(event: Event, resources: Sequence[JSON], dialect: Dialect) -> tuple[Outline, JSON]:
    """MSH, PID and (if an Encounter is at hand) PV1, with EVN where the message has one; and the patient."""
    patient = needed(resources, "Patient", event)
    outline = Outline(event, dialect)
    encounter = first(resources, "Encounter")
    add_patient(outline, patient, encounter)
    if encounter is not None:
        add_visit(outline, encounter, resources)
    return outline, patient


def own_number(resource: JSON, dialect: Dialect) -> JSON:
    """The identifier of what has none: the id of the record as a number of the facility."""
    return {"system": LOCAL_AUTHORITY + dialect.sending_facility.partition("^")[0], "value": resource.get("id", "")}


def numbered(resource: JSON, kind: str) -> JSON | None:
    """The identifier of that type (`PLAC`, `FILL`), or None."""
    for identifier in resource.get("identifier", []):
        codes = [coding.get("code") for coding in identifier.get("type", {}).get("coding", [])]
        if kind in codes and identifier.get("value"):
            return dict(identifier)
    return None


def plain_number(resource: JSON, *systems: str) -> JSON | None:
    """The first identifier that is neither a placer's nor a filler's, and of none of these systems; or None."""
    for identifier in resource.get("identifier", []):
        codes = [coding.get("code") for coding in identifier.get("type", {}).get("coding", [])]
        if not {"PLAC", "FILL"} & set(codes) and identifier.get("system") not in systems and identifier.get("value"):
            return dict(identifier)
    return None


def number_text(value: Any) -> str:
    """A number without exponent or superfluous zeros; empty for None."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{float(value):.6f}".rstrip("0").rstrip(".") or "0"


def units(quantity: JSON | None) -> list[Component]:
    """A quantity's units as CE: UCUM where it names that."""
    quantity = quantity or {}
    code, text = quantity.get("code", ""), quantity.get("unit", "")
    if code and quantity.get("system") == UCUM:
        return [code, text, "UCUM"]
    return [code or text] if code or text else []


def value_of(quantity: JSON | None) -> str:
    """A quantity's number."""
    return number_text((quantity or {}).get("value"))


def drug_cwe(resource: JSON, resources: Sequence[JSON]) -> list[Component]:
    """The medication of an order, dispense or administration, from its code or from the Medication that it names."""
    concept = resource.get("medicationCodeableConcept")
    if concept is None:
        named = resource.get("medicationReference") or {}
        medication = referred(resources, named)
        if medication is None and named.get("reference", "").startswith("#"):
            inside = resource.get("contained", [])
            medication = next((one for one in inside if one.get("id") == named["reference"][1:]), None)
        concept = (medication or {}).get("code") or {"text": named.get("display", "")}
    return concept_cwe(concept)


def clinicians(references: Sequence[JSON | None], resources: Sequence[JSON]) -> Repeat:
    """References to people as XCN, without those that say nothing."""
    return Repeat(found for one in references if (found := clinician_xcn(one, referred(resources, one))))


def concepts_cwe(concepts: Sequence[JSON]) -> Repeat:
    """Concepts as repetitions of CE or CWE."""
    return Repeat(found for one in concepts if (found := concept_cwe(one)))


def order_numbers(resource: JSON | None, dialect: Dialect) -> tuple[list[Component], list[Component]]:
    """ORC-2 and ORC-3 of an order: its placer's number (its own id for want of any), and its filler's."""
    if not resource:
        return [], []
    placer, filler = numbered(resource, "PLAC"), numbered(resource, "FILL")
    placer = placer or plain_number(resource) or (own_number(resource, dialect) if filler is None else None)
    return entity_ei(placer), entity_ei(filler)


def add_route(outline: Outline, source: JSON, *, required: bool) -> None:
    """RXR of something with route, site and method; where it has to be there, of route `other` for want of one."""
    told = _in_table(source.get("route"), _ROUTE, "0162", _ROUTES)
    site = _in_table(source.get("site"), _ACT_SITE, "0163")
    method = concept_cwe(source.get("method"))
    if required or told or site or method:
        outline.add("RXR", {1: told or [ROUTE_OTHER, "Other", "HL70162"], 2: site, 4: method})


def _in_table(concept: JSON | None, system: str, table: str, codes: dict[str, str] | None = None) -> list[Component]:
    """A concept as CE, its codes of a v3 system as those of the HL7 table that means the same."""
    if not concept:
        return []
    codings = [
        {**coding, "system": _TABLE + table, "code": (codes or {}).get(code, code)}
        if coding.get("system") == system and (codes is None or code in codes)
        else coding
        for coding in concept.get("coding", [])
        if (code := coding.get("code", "")) or coding.get("display")
    ]
    return concept_cwe({**concept, "coding": codings})


def timing_tq(dosage: JSON, outline: Outline) -> list[Component]:
    """TQ, as ORC-7 and RXE-1 have it before 2.5: `1`, the interval, duration, start, end, priority, text."""
    pattern, length, start, end = _schedule(dosage, outline)
    needed_ = "PRN" if dosage.get("asNeededBoolean") or "asNeededCodeableConcept" in dosage else ""
    interval = " ".join(part for part in (pattern, needed_) if part)
    return ["1", interval, length_letters(length), start, end]


def add_timing(outline: Outline, dosage: JSON) -> None:
    """TQ1, which 2.5 brought."""
    if not at_least(outline.dialect.version, "2.5"):
        return
    pattern, length, start, end = _schedule(dosage, outline)
    as_needed = dosage.get("asNeededBoolean") or "asNeededCodeableConcept" in dosage
    patterns = [[text] for text in (pattern, "PRN" if as_needed else "") if text]
    fields: dict[int, Field] = {1: "1", 3: Repeat(patterns), 7: start, 8: end}
    if length:
        fields[6] = [value_of(length), [str(length.get("code", "")), str(length.get("unit", "")), "UCUM"]]
    outline.add("TQ1", fields)


def _schedule(dosage: JSON, outline: Outline) -> tuple[str, JSON, str, str]:
    """Pattern, length, start and end."""
    timing = dosage.get("timing", {})
    repeat = timing.get("repeat", {})
    bounds = repeat.get("boundsPeriod", {})
    start, end = (outline.time(bounds.get(name, "")) for name in ("start", "end"))
    return pattern_of(timing), repeat.get("boundsDuration") or {}, start, end
