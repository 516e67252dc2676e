"""Epic's practitioners and organizations, and what holds for the resources that have no shape of their own.

Sources: notes.md, section Practitioner and Organization.
"""

from __future__ import annotations

from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.epic.look import Look

_NPI: Final = "http://hl7.org/fhir/sid/us-npi"
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_OID: Final = "urn:oid:"
_SYSTEMS: Final = {
    "http://snomed.info/sct": _OID + "2.16.840.1.113883.6.96",
    "http://loinc.org": _OID + "2.16.840.1.113883.6.1",
    "http://www.nlm.nih.gov/research/umls/rxnorm": _OID + "2.16.840.1.113883.6.88",
    "http://hl7.org/fhir/sid/icd-10-cm": _OID + "2.16.840.1.113883.6.90",
    "http://hl7.org/fhir/sid/icd-9-cm": _OID + "2.16.840.1.113883.6.103",
    "http://hl7.org/fhir/sid/cvx": _OID + "2.16.840.1.113883.12.292",
    "http://hl7.org/fhir/sid/ndc": _OID + "2.16.840.1.113883.6.69",
}
"""Standard code systems to the OIDs that HL7 registered for them."""


def shape_practitioner(made: JSON, clean: JSON, look: Look) -> JSON:
    """The NPI under two systems, the provider record's numbers (one is padded), a masked name where asked for."""
    number = look.number(clean, "provider")
    npi = _value_of(made, _NPI)
    found = [_typed("NPI", _NPI, npi), _typed("NPI", look.oid("5.737384.60"), npi)] if npi else []
    made["identifier"] = [
        *found,
        _typed("INTERNAL", look.oid("2.697780"), f"{_pad(look)}{number}"),
        _typed("EXTERNAL", look.oid("2.697780"), number),
        _typed("PROVID", look.oid("5.737384.6"), look.local_code(number, "provid", 4)),
        _typed("EPIC", look.oid("5.737384.7"), f"PROV{number}"),
        _typed("USER", look.oid("5.737384.114"), f"USER{number[-4:]}"),
        _typed("SER", look.oid("2.836982"), f"E{number}"),
    ]
    if look.tables["provider_photos"]:
        made["photo"] = [{"contentType": "image/jpeg", "url": f"Binary/{look.dresser.id_of(_photo(clean))}"}]
    if look.tables["masked_practitioners"]:
        for name in made.get("name", ()):
            name.pop("family", None)
            name["_family"] = {"extension": [{"valueCode": "masked", "url": _ABSENT}]}
            name.pop("text", None)
    return made


def _photo(clean: JSON) -> JSON:
    """What the id of a photo is made of: the place of whom it shows."""
    return {"resourceType": "Binary", "id": clean.get("id", "")}


def shape_organization(made: JSON, clean: JSON, look: Look) -> JSON:
    """The NPI, and the numbers of the department's record."""
    number = look.number(clean, "department")
    npi = _value_of(made, _NPI)
    made["identifier"] = [
        *([_typed("NPI", _NPI, npi)] if npi else []),
        _typed("INTERNAL", look.oid("2.696570"), f"{_pad(look)}{number}"),
        _typed("EXTERNAL", look.oid("2.696570"), number),
        _typed("EPIC", look.oid("5.737384.61"), f"O{number}"),
    ]
    return made


def shape_other(made: JSON, clean: JSON, look: Look) -> JSON:
    """Identifiers whose type is only a text."""
    for identifier in made.get("identifier", ()):
        kind = identifier.get("type") if isinstance(identifier, dict) else None
        if isinstance(kind, dict):
            shown = kind.get("text") or next((one.get("display") for one in kind.get("coding", ())), None)
            identifier["type"] = {"text": shown} if shown else kind
    return made


def with_oids(node: Any) -> Any:
    """Standard code systems as the `urn:oid:` forms that Epic used before November 2022; changes and returns it."""
    if isinstance(node, list):
        for one in node:
            with_oids(one)
    elif isinstance(node, dict):
        system = node.get("system")
        if isinstance(system, str) and system in _SYSTEMS:
            node["system"] = _SYSTEMS[system]
        for value in node.values():
            if isinstance(value, (dict, list)):
                with_oids(value)
    return node


def _pad(look: Look) -> str:
    return "     " if look.tables["padded_internal_ids"] else ""


def _typed(name: str, system: str, value: str) -> JSON:
    return {"use": "usual", "type": {"text": name}, "system": system, "value": value}


def _value_of(made: JSON, system: str) -> str:
    found = (one.get("value") for one in made.get("identifier", ()) if one.get("system") == system)
    return str(next((value for value in found if value), ""))
