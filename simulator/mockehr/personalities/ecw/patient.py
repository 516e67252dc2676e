"""eClinicalWorks' Patient. Sources: notes.md, section Patient."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, coding
from mockehr.personalities.ecw.look import HL7, Look

_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
DECLINED: Final = "Declined to Specify"
OLE_ZERO: Final = "1899-12-30T00:00:00"
"""Day 0 of OLE automation's calendar: what an empty date of the database becomes."""


def shape_patient(made: JSON, clean: JSON, look: Look) -> JSON:
    """Both numbers, an address told twice, and what stands where nobody entered anything."""
    own = str(clean.get("id", ""))
    made["identifier"] = _identifiers(made, look)
    made["active"] = False if look.falls("inactive", own) else made.get("active", True)
    if look.falls("former_name", own) and made.get("name"):
        made["name"] = [*made["name"], _former(made["name"][0])]
    if "deceasedDateTime" not in made and not made.get("deceasedBoolean") and look.falls("ole_zero", own):
        made.pop("deceasedBoolean", None)
        made["deceasedDateTime"] = OLE_ZERO + look.zone
    for address in made.get("address", ()):
        if address.get("line"):
            address["text"] = str(address["line"][0])
        address.setdefault("country", "US")
    if look.falls("first_language", own):
        concept = {"coding": [coding("urn:ietf:bcp:47", "ace", "Achinese")], "text": "Achinese"}
        made["communication"] = [{"language": concept, "preferred": True}]
    made["extension"] = _extensions(made, own, look)
    return made


def _identifiers(made: JSON, look: Look) -> list[JSON]:
    """The id of the record for usual, the practice's number for secondary, under one system."""
    told = (one for one in made.get("identifier", ()) if code_in(one.get("type")) == "MR")
    number = next((str(one["value"]) for one in told if one.get("value")), "")
    system = str(look.systems["record_number"])
    found = [{"use": "usual", "system": system, "value": str(made["id"])}]
    if number:
        plain = str(int(number)) if number.isascii() and number.isdigit() else number
        found.append({"use": "secondary", "system": system, "value": plain})
    return found


def _former(name: JSON) -> JSON:
    """An old name that is nothing but its initials."""
    parts = (*name.get("given", ()), name.get("family", ""))
    initials = "".join(str(part)[:1].upper() for part in parts if part)
    return {"use": "old", "text": initials, "family": initials}


def _extensions(made: JSON, own: str, look: Look) -> list[JSON]:
    told = [one for one in made.get("extension", ()) if str(one.get("url", "")).startswith(_CORE)]
    if look.falls("declined", own):
        told = [one for one in told if not one["url"].endswith(("race", "ethnicity"))]
        told = [_declined("race"), _declined("ethnicity"), *told]
    if look.falls("birthsex_unknown", own):
        told = [one for one in told if not one["url"].endswith("birthsex")]
        told.append({"url": f"{_CORE}birthsex", "valueCode": "UNK"})
    return told


def _declined(what: str) -> JSON:
    """Nothing told, said as a category of the census's office."""
    asked = {"url": "ombCategory", "valueCoding": coding(f"{HL7}v3-NullFlavor", "ASKU", DECLINED)}
    return {"url": f"{_CORE}{what}", "extension": [asked, {"url": "text", "valueString": DECLINED}]}
