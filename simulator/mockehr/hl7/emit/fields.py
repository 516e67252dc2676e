"""FHIR data types as HL7 ones. What FHIR does not say stays empty."""

from __future__ import annotations

from collections.abc import Sequence

from mockehr.core.exchange import JSON
from mockehr.hl7.dialect import Dialect, IdentifierRule
from mockehr.hl7.terms import ADDRESS_TYPE, IDENTIFIER_TYPE, LOCAL_AUTHORITY, NAME_TYPE, NPI, code_of_system
from mockehr.hl7.write import Component


def matches(identifier: JSON, rule: IdentifierRule) -> bool:
    """True if a FHIR identifier is of the kind that a rule names."""
    if rule.system and identifier.get("system") == rule.system:
        return True
    kind = identifier.get("type", {})
    names = [kind.get("text"), *(coding.get("code") for coding in kind.get("coding", []))]
    return bool(rule.label) and rule.label in names


def authority(system: str) -> Component:
    """A FHIR system as HD: a local name, or an empty name with a universal id."""
    if not system:
        return ""
    if system.startswith(LOCAL_AUTHORITY):
        return system.removeprefix(LOCAL_AUTHORITY)
    if system.startswith("urn:oid:"):
        return ["", system.removeprefix("urn:oid:"), "ISO"]
    if system.startswith("urn:uuid:"):
        return ["", system.removeprefix("urn:uuid:"), "UUID"]
    return ["", system, "URI"]


def identifier_cx(identifier: JSON, rule: IdentifierRule | None, default_type: str = "") -> list[Component]:
    """A FHIR identifier as CX, by rule or from what it says itself."""
    value = str(identifier.get("value", ""))
    if rule is not None:
        value = value.rpartition("-")[2] if rule.bare else value
        return [value, "", "", rule.authority, rule.type, rule.facility]
    codings = identifier.get("type", {}).get("coding", [])
    told = (coding for coding in codings if coding.get("system") == IDENTIFIER_TYPE and coding.get("code"))
    kind = next((coding["code"] for coding in told), default_type)
    return [value, "", "", authority(identifier.get("system", "")), kind]


def patient_identifiers(identifiers: Sequence[JSON], dialect: Dialect) -> list[list[Component]]:
    """PID-3: in the order of the dialect's rules; all identifiers as they are if it has none or none applies."""
    valued = [identifier for identifier in identifiers if identifier.get("value")]
    # Old numbers find a patient, but are not told as that of one who has another.
    valued = [identifier for identifier in valued if identifier.get("use") != "old"] or valued
    ruled: list[list[Component]] = []
    for rule in dialect.identifiers:
        # A label is only a name: it counts where nothing has the system itself.
        exact = [identifier for identifier in valued if rule.system and identifier.get("system") == rule.system]
        found = exact or [identifier for identifier in valued if matches(identifier, rule)]
        ruled += [identifier_cx(identifier, rule) for identifier in found]
    return ruled or [identifier_cx(identifier, None, "MR") for identifier in valued]


def name_xpn(name: JSON, dialect: Dialect) -> list[Component]:
    """A HumanName as XPN; a name that is only text goes to the family name."""
    given = name.get("given") or [""]
    family = name.get("family") or ("" if any(given) else name.get("text", ""))
    kind = NAME_TYPE.get(name.get("use", ""), dialect.name_type)
    if name.get("use", "official") in ("official", "usual"):
        kind = dialect.name_type
    prefix, suffix = " ".join(name.get("prefix", [])), " ".join(name.get("suffix", []))
    return [family, given[0], " ".join(given[1:]), suffix, prefix, "", kind]


def address_xad(address: JSON, dialect: Dialect) -> list[Component]:
    """An Address as XAD; further lines go to the second component."""
    lines = address.get("line") or [""]
    use = address.get("use", "home")
    kind = dialect.address_type if use == "home" else ADDRESS_TYPE.get(use, "")
    places = [address.get(part, "") for part in ("city", "state", "postalCode", "country")]
    return [lines[0], ", ".join(lines[1:]), *places, kind, "", address.get("district", "")]


def telecom_xtn(point: JSON, dialect: Dialect) -> list[Component]:
    """A ContactPoint as XTN; a number stands in XTN.1, and from 2.6 on, which withdrew that, in XTN.12."""
    value = str(point.get("value", ""))
    if point.get("system") == "email":
        return ["", "NET", "Internet", value]
    types = dialect.phone_types
    if point.get("use") == "work":
        types = ("BUS",) if types == ("HOM",) else ("WPN", "PH")
    elif point.get("use") == "mobile" or point.get("system") == "fax":
        types = (*types[:1], "CP" if point.get("use") == "mobile" else "FX")
        types = types if len(types) == 2 else ("", *types)  # a dialect without types still says what it is
    if dialect.version >= "2.6":
        return ["", *types, *[""] * (10 - len(types)), value]
    return [value, *types]


def concept_cwe(concept: JSON | None) -> list[Component]:
    """A CodeableConcept as CE or CWE: two codings at most, the text as display of the first if it has none."""
    found: list[Component] = []
    codings = (concept or {}).get("coding", [])[:2]
    text = (concept or {}).get("text", "")
    for coding in codings:
        found += [coding.get("code", ""), coding.get("display", ""), code_of_system(coding.get("system", ""))]
    if not found:
        return ["", text] if text else []
    if not found[1]:
        found[1] = text
    return found


def clinician_xcn(reference: JSON | None, practitioner: JSON | None = None) -> list[Component]:
    """A reference to a Practitioner (and the resource, if it is at hand) as XCN."""
    reference = reference or {}
    identifiers = (practitioner or {}).get("identifier", [])
    number = next((one for one in identifiers if one.get("system") == NPI), None)
    number = number or reference.get("identifier") or (identifiers[0] if identifiers else {})
    names = (practitioner or {}).get("name", [])
    if names:
        family, given = names[0].get("family", ""), (names[0].get("given") or [""])[0]
    else:
        family, _, given = reference.get("display", "").partition(", ")
    value, system = number.get("value", ""), number.get("system", "")
    if not (value or family or given):
        return []
    if system == NPI:
        return [value, family, given, "", "", "", "", "", "NPI", "", "", "", "NPI"]
    return [value, family, given, "", "", "", "", "", authority(system)]


def entity_ei(identifier: JSON | None) -> list[Component]:
    """An Identifier as EI: value, namespace, universal id and its type."""
    if not identifier:
        return []
    holder = authority(identifier.get("system", ""))
    parts = [holder] if isinstance(holder, str) else list(holder)
    return [str(identifier.get("value", "")), *parts]
