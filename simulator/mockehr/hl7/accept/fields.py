"""HL7 data types as FHIR ones, read from one segment. What is absent or null gives nothing."""

from __future__ import annotations

import re
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.hl7.accept.intents import Context
from mockehr.hl7.dialect import Dialect, IdentifierRule
from mockehr.hl7.faults import Fault, Rejection
from mockehr.hl7.segment import Repetition, Segment, part
from mockehr.hl7.stamps import to_fhir
from mockehr.hl7.terms import (
    ADDRESS_USE,
    IDENTIFIER_TYPE,
    LOCAL_AUTHORITY,
    NAME_USE,
    NPI,
    TELECOM_SYSTEM,
    TELECOM_USE,
    system_of,
)

_WORD: Final = re.compile(r"\w+")
_WHOLE: Final = re.compile(r"[0-9]{1,9}")


def when(segment: Segment, field: int, context: Context, *, sequence: int = 1) -> str:
    """A time as FHIR date or dateTime; empty if there is none. Raises Rejection (102) if it is no time."""
    text = segment.text(field, 1, 1)
    if not text or text == '""':
        return ""
    try:
        return to_fhir(text, context.dialect.offset)
    except ValueError as error:
        fault = Fault(102, segment.id, sequence, field, text=f"{segment.id}-{field}: {error}")
        raise Rejection("AE", fault) from None


def integer(text: str) -> int | None:
    """A whole number of up to nine digits, which FHIR's integers hold; None for anything else."""
    return int(text) if _WHOLE.fullmatch(text) else None


def authority_system(repetition: Repetition, component: int) -> str:
    """The FHIR system of an HD: its universal id if it has one, else its name under LOCAL_AUTHORITY."""
    name, uid, kind = (part(repetition, component, number) for number in (1, 2, 3))
    if uid:
        if kind == "ISO":
            return f"urn:oid:{uid}"
        return f"urn:uuid:{uid.lower()}" if kind == "UUID" else uid
    return LOCAL_AUTHORITY + name if name else ""


def identifier(repetition: Repetition, dialect: Dialect, rules: tuple[IdentifierRule, ...] = ()) -> JSON | None:
    """A CX as Identifier: by the first rule that names its authority and type, else by what the CX itself says."""
    value = part(repetition, 1)
    if not value:
        return None
    authority, kind, stated = part(repetition, 4), part(repetition, 5), authority_system(repetition, 4)
    rules = rules or dialect.identifiers
    for rule in rules:
        # Senders name an authority as one likes, by its universal id, or not at all, so that its type has to do.
        named_so = rule.authority == authority and (authority or not stated) and (rule.type == kind or not kind)
        if rule.system and (named_so or rule.system == stated or (rule.type == kind and kind and not stated)):
            named: JSON = {"text": rule.label} if rule.label else {"coding": [_type(rule.type)]}
            return {"use": "usual", "type": named, "system": rule.system, "value": value}
    found: JSON = {}
    if kind:
        found["type"] = {"coding": [_type(kind)]}
    # Some name the facility (CX.6) where others name the authority.
    system = stated or authority_system(repetition, 6)
    if system:
        found["system"] = system
    return {**found, "value": value}


def _type(code: str) -> JSON:
    return {"system": IDENTIFIER_TYPE, "code": code}


def entity(repetition: Repetition, kind: str) -> JSON | None:
    """An EI as Identifier of type `kind` (`PLAC` or `FILL`)."""
    value = part(repetition, 1)
    if not value:
        return None
    name, uid, uid_kind = (part(repetition, number) for number in (2, 3, 4))
    system = authority_system([[""], [name, uid, uid_kind]], 2)
    found: JSON = {"type": {"coding": [_type(kind)]}, "value": value}
    return {**found, "system": system} if system else found


def human_name(repetition: Repetition) -> JSON | None:
    """An XPN as HumanName; middle names become further given names."""
    family, first, middle, suffix, prefix, _, kind = (part(repetition, number) for number in range(1, 8))
    name: JSON = {}
    if kind in NAME_USE:
        name["use"] = NAME_USE[kind]
    if "," in family and not first and not middle:
        family, _, first = (piece.strip() for piece in family.partition(","))  # all of it in one component
        first, _, middle = first.partition(" ")
    if family:
        name["family"] = family
    given = [first, *middle.split()] if first else middle.split()
    if given:
        name["given"] = given
    if prefix:
        name["prefix"] = [prefix]
    if suffix:
        name["suffix"] = [suffix]
    return name if family or given else None


def address(repetition: Repetition) -> JSON | None:
    """An XAD as Address."""
    found: JSON = {}
    kind = part(repetition, 7)
    if kind in ADDRESS_USE:
        found["use"] = ADDRESS_USE[kind]
    lines = [line for line in (part(repetition, 1), part(repetition, 2)) if line]
    if lines:
        found["line"] = lines
    places = {"city": 3, "state": 4, "postalCode": 5, "country": 6, "district": 9}
    found.update({name: part(repetition, number) for name, number in places.items() if part(repetition, number)})
    return found if len(found) > ("use" in found) else None


def telecom(repetition: Repetition, use: str) -> JSON | None:
    """An XTN as ContactPoint; `use` is what the field itself means (`home` for PID-13)."""
    said, equipment = part(repetition, 2), part(repetition, 3)
    mail = part(repetition, 4)
    if said == "NET" or equipment in ("Internet", "X.400") or mail:
        value = mail or part(repetition, 1)
        return {"system": "email", "value": value} if value else None
    value = part(repetition, 1) or part(repetition, 12)
    if not value:
        pieces = [part(repetition, number) for number in (5, 6, 7)]
        value = "-".join(piece for piece in pieces if piece)
    if not value:
        return None
    found_use = "mobile" if equipment in ("CP", "MOB") else TELECOM_USE.get(said, use)
    return {"system": TELECOM_SYSTEM.get(equipment, "phone"), "value": value, "use": found_use}


def concept(repetition: Repetition) -> JSON | None:
    """A CE, CWE or CNE as CodeableConcept: both codings, and the original text or the first display as text."""
    codings = []
    for base in (1, 4):
        code, display, system = (part(repetition, base + step) for step in (0, 1, 2))
        if code:
            coding: JSON = {"code": code}
            uri = system_of(system)
            if uri:
                coding["system"] = uri
            if display:
                coding["display"] = display
            codings.append(coding)
    text = part(repetition, 9) or part(repetition, 2) or part(repetition, 5)
    found: JSON = {"coding": codings} if codings else {}
    if text:
        found["text"] = text
    return found or None


def clinician(repetition: Repetition) -> JSON | None:
    """An XCN as a logical reference to a Practitioner: identifier and display."""
    value, family, given = (part(repetition, number) for number in (1, 2, 3))
    display = ", ".join(piece for piece in (family, given) if piece)
    found: JSON = {"type": "Practitioner"}
    if value:
        is_npi = "NPI" in (part(repetition, 9), part(repetition, 13), part(repetition, 8))
        system = NPI if is_npi else authority_system(repetition, 9)
        found["identifier"] = {"system": system, "value": value} if system else {"value": value}
    if display:
        found["display"] = display
    return found if len(found) > 1 else None


def same_one(stored: JSON, told: JSON) -> bool:
    """True if two references mean one clinician or place: the same identifier, or no name that the other lacks."""
    if stored.get("identifier", {}).get("value") and told.get("identifier", {}).get("value"):
        return bool(stored["identifier"]["value"] == told["identifier"]["value"])
    words = [set(_WORD.findall(one.get("display", "").casefold())) for one in (stored, told)]
    return bool(words[1]) and words[1] <= words[0]


def covers(stored: Any, told: Any) -> bool:
    """True if what is stored says all that is told, and maybe more (a period, a display)."""
    if isinstance(told, dict):
        return isinstance(stored, dict) and all(name in stored and covers(stored[name], told[name]) for name in told)
    if isinstance(told, list):
        return isinstance(stored, list) and all(any(covers(one, item) for one in stored) for item in told)
    return bool(stored == told)


def required(segment: Segment, field: int, meaning: str, *, sequence: int = 1) -> None:
    """Raise Rejection (101) unless the field has a value."""
    if not segment.has(field):
        text = f"{segment.id}-{field} ({meaning}) is empty"
        raise Rejection("AE", Fault(101, segment.id, sequence, field, text=text))
