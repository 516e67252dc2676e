"""What orders and results have in common on their way out: numbers, sections, specimens, notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.emit.fields import concept_cwe, entity_ei
from mockehr.hl7.emit.outline import Outline, referred
from mockehr.hl7.terms import DIAGNOSTIC_SECTION, IDENTIFIER_TYPE, LOCAL_AUTHORITY
from mockehr.hl7.versions import at_least
from mockehr.hl7.write import Component, Repeat

_SECTIONS: Final = {"108252007": "LAB", "laboratory": "LAB", "363679005": "RAD", "imaging": "RAD"}
"""Categories that US Core asks for, as table 0074."""
_INTERNAL: Final = frozenset({LOCAL_AUTHORITY + "report", LOCAL_AUTHORITY + "observation"})
"""Identifiers that only serve to find a resource again."""


def own_system(dialect: Dialect) -> str:
    """The system of numbers that this site gives; `sites/finding.py` finds resources by their ids in it."""
    return LOCAL_AUTHORITY + dialect.sending_facility.partition("^")[0]


def numbered(resource: JSON, kind: str) -> JSON | None:
    """The identifier of type `kind` (PLAC or FILL), else the first that says no type of order number, else None."""
    plain = None
    for identifier in resource.get("identifier", []):
        types = {
            coding.get("code")
            for coding in identifier.get("type", {}).get("coding", [])
            if coding.get("system", IDENTIFIER_TYPE) == IDENTIFIER_TYPE
        }
        if kind in types and identifier.get("value"):
            return dict(identifier)
        if not types & {"PLAC", "FILL"} and identifier.get("value") and identifier.get("system") not in _INTERNAL:
            plain = plain or dict(identifier)
    return plain


def own_number(resource: JSON, dialect: Dialect) -> JSON:
    """The number of what nobody gave one: its id."""
    return {"system": own_system(dialect), "value": str(resource.get("id", ""))}


def placer_of(order: JSON, dialect: Dialect) -> JSON:
    """The placer's number of a ServiceRequest."""
    return numbered(order, "PLAC") or own_number(order, dialect)


def typed(resource: JSON, kind: str) -> JSON | None:
    """The identifier of exactly that type, or None."""
    found = numbered(resource, kind)
    codes = [coding.get("code") for coding in (found or {}).get("type", {}).get("coding", [])]
    return found if kind in codes else None


def section(resource: JSON) -> str:
    """OBR-24 from the categories: the one of table 0074, or what US Core's categories are there."""
    codings = [coding for one in resource.get("category", []) for coding in one.get("coding", [])]
    for coding in codings:
        if coding.get("system") == DIAGNOSTIC_SECTION:
            return str(coding.get("code", ""))
    return next((_SECTIONS[coding["code"]] for coding in codings if coding.get("code") in _SECTIONS), "")


def specimens_of(resource: JSON, resources: Sequence[JSON]) -> list[JSON]:
    """The Specimens that an order or report refers to and that are at hand."""
    return [found for one in resource.get("specimen", []) if (found := referred(resources, one)) is not None]


def specimen_source(outline: Outline, specimens: Sequence[JSON]) -> list[Component]:
    """OBR-15, for versions that have no SPM."""
    if at_least(outline.dialect.version, "2.5") or not specimens:
        return []
    kind: list[Component] = [part if isinstance(part, str) else "" for part in concept_cwe(specimens[0].get("type"))]
    code = [part for part in kind if isinstance(part, str)]
    return [code] if any(code) else []


def add_specimens(outline: Outline, specimens: Sequence[JSON]) -> None:
    """SPM for each specimen; nothing before 2.5."""
    if not at_least(outline.dialect.version, "2.5"):
        return
    for number, specimen in enumerate(specimens, 1):
        collection = specimen.get("collection", {})
        identifier = next((one for one in specimen.get("identifier", []) if one.get("value")), None)
        parts = [part if isinstance(part, str) else "" for part in entity_ei(identifier)]
        outline.add(
            "SPM",
            {
                1: str(number),
                2: [parts] if parts else "",
                4: concept_cwe(specimen.get("type")) or ["", "Unspecified"],
                8: concept_cwe(collection.get("bodySite")),
                14: Repeat(note.get("text", "").replace("\n", " ") for note in specimen.get("note", [])[:1]),
                17: [outline.time(collection.get("collectedDateTime", ""))],
                18: outline.time(specimen.get("receivedTime", "")),
                20: "N" if specimen.get("status") == "unavailable" else "",
                21: ["", "Unsatisfactory"] if specimen.get("status") == "unsatisfactory" else "",
            },
        )


def add_notes(outline: Outline, texts: Sequence[str]) -> None:
    """NTE for each line of the texts."""
    lines = [line for text in texts if text for line in text.splitlines()]
    for number, line in enumerate(lines, 1):
        outline.add("NTE", {1: str(number), 3: line})
