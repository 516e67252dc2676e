"""A patient whom an app registered. Sources: notes.md, Writes (recorded write probes)."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import coding
from mockehr.personalities.epic.look import EPIC, Look
from mockehr.personalities.epic.patient import CARIN, COUNTRIES, dstu2_id, extensions, letters, names, typed
from mockehr.personalities.ids import clean_id
from mockehr.personalities.order import ELEMENTS
from mockehr.personalities.people import spoken_name
from mockehr.personalities.rewrite import ordered

_OBSERVED: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
_SSN: Final = "urn:oid:2.16.840.1.113883.4.1"
_POSTAL: Final = {
    **{"Apartment": "Apt", "Avenue": "Ave", "Boulevard": "Blvd", "Court": "Ct", "Drive": "Dr", "Fort": "Ft"},
    **{"Lane": "Ln", "Place": "Pl", "Road": "Rd", "Square": "Sq", "Street": "St", "Suite": "Ste"},
}
"""Abbreviations of the Postal Service (Publication 28), for the words that addresses mostly have."""


def filed_patient(made: JSON, look: Look, today: str) -> JSON:
    """A patient that an app registered: patient-reported, with the house's first numbers, and much left out.

    Telephones and the social security number are not kept, other identifiers are.
    """
    own = [one for one in made.get("identifier", ()) if one.get("system") != _SSN]
    local = look.number(made, "patient")
    external = typed("EXTERNAL", look.oid("2.698084"), f"Z{local}")
    external["type"] = {"coding": [coding(CARIN, "um")], "text": "EXTERNAL"}
    ceid = letters(look.dresser.stream("epic", "ceid", local).token(8))
    pad = "     " if look.tables["padded_internal_ids"] else ""
    place = look.dresser.ids.decode("Patient", str(made["id"]))
    clean = {**made, "id": clean_id("Patient", *place)} if place is not None else made
    named = {name: made[name] for name in made if name not in ("telecom", "identifier")}
    named["extension"] = extensions(made, look)
    named["identifier"] = [
        typed("CEID", look.oid("3.688884.100"), f"FHR{ceid}"),
        typed("EPIC", look.oid("5.737384.0"), f"E{local}"),
        external,
        typed("FHIR", EPIC + "patient-dstu2-fhir-id", dstu2_id(clean, look)),
        typed("FHIR STU3", EPIC + "patient-fhir-id", str(made["id"])),
        typed("INTERNAL", look.oid("2.698084"), f"{pad}Z{local}"),
        *own,
    ]
    named["name"] = [_spoken(name, made.get("name", [])) for name in names(made, look)]
    named["active"] = made.get("active", True)
    if "deceasedDateTime" not in made:
        named.setdefault("deceasedBoolean", False)
    if "address" in made:
        named["address"] = [_address(address, today) for address in made["address"]]
    security = [
        coding(_OBSERVED, "PATRPT", "patient reported"),
        coding(_OBSERVED, "UNCERTREL", "uncertain reliability"),
    ]
    return {
        "resourceType": "Patient",
        "id": made["id"],
        "meta": {"security": security},
        **ordered(named, ELEMENTS["Patient"]),
    }


def _spoken(name: JSON, told: list[JSON]) -> JSON:
    """With the prefix in the text as it came, and in capitals beside it."""
    mine = next((one for one in told if one.get("family") == name.get("family") and "prefix" in one), None)
    if mine is None or mine.get("text"):
        return name
    return {**name, "text": " ".join([*mine["prefix"], spoken_name(mine)])}


def _address(told: JSON, today: str) -> JSON:
    """As it came, but that `text` has it as an envelope would, and it is good from today."""
    lines = [" ".join(_POSTAL.get(word, word) for word in str(line).split()) for line in told.get("line", ())]
    town = " ".join(str(told[name]) for name in ("city", "state", "postalCode") if name in told)
    country = str(told.get("country", ""))
    text = "\r\n".join(one for one in (*lines, town, COUNTRIES.get(country, country)) if one)
    order = ("use", "text", "line", "city", "district", "state", "postalCode", "country", "period")
    made = {"use": "home", **told, "text": text, "period": {"start": today}}
    return {name: made[name] for name in order if name in made}
