"""Documents that Epic lists beside the notes: scanned papers without content, and C-CDA summaries made when read.

Sources: notes.md, section DocumentReference. Each lies at the place of a clean resource that it goes with.
"""

from __future__ import annotations

import base64
from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import concept
from mockehr.personalities.dates import as_moment, day_of
from mockehr.personalities.epic.ccda import ccda
from mockehr.personalities.epic.documents import FORMATS, scanned
from mockehr.personalities.epic.look import EPIC, Look
from mockehr.personalities.ids import place_of

BINARY: Final = "ccda"
DOCUMENT: Final = "summary"
"""Flavours of the ids of a summary's Binary and of its DocumentReference."""
_LOINC: Final = "http://loinc.org"
_FORMAT: Final = {
    "system": FORMATS,
    "code": "urn:hl7-org:sdwg:ccda-structuredBody:2.1",
    "display": "Structured Body C-CDA 2.1",
}
_WHOSE: Final = ("beneficiary", "subject", "patient")


def derive_papers(clean: JSON, look: Look) -> tuple[JSON, ...]:
    """The scanned paper that goes with a clean resource, and the summary of a patient or of a hospital stay."""
    kind = clean["resourceType"]
    place = place_of(str(clean.get("id", "")))
    if place is None or place[0] is None:
        return ()
    title = look.tables["papers"].get(kind)
    if title:
        return (_paper(clean, str(title), look),)
    if kind == "Patient" and look.tables["patient_summary"]:
        return _summary(clean, "34133-9", "Patient Summary", look)
    if kind == "Encounter" and clean.get("class", {}).get("code") in look.tables["summarised"]:
        return _summary(clean, "11506-3", "Encounter Summary", look)
    return ()


def _paper(clean: JSON, title: str, look: Look) -> JSON:
    made: JSON = {"resourceType": "DocumentReference", "id": _id("DocumentReference", clean, look)}
    made["status"] = "current"
    if "Card" not in title:
        made["docStatus"] = "final"
    made["subject"] = _patient(clean, look)
    order = (
        "resourceType",
        "id",
        "identifier",
        "status",
        "docStatus",
        "type",
        "category",
        "subject",
        "custodian",
        "content",
    )
    made = scanned({**made, "type": {"text": title}}, look.number(clean, "document"), look)
    return {name: made[name] for name in order if name in made}


def _summary(clean: JSON, loinc: str, title: str, look: Look) -> tuple[JSON, ...]:
    """The DocumentReference and its Binary; nothing for a patient who was never seen."""
    stays = [clean] if clean["resourceType"] == "Encounter" else look.dresser.all_of("Encounter")
    ends = [str(stay.get("period", {}).get("end", "")) for stay in stays]
    at = max(filter(None, ends), default="")
    if not at:
        return ()
    number = look.number(clean, "summary")
    binary = _id("Binary", clean, look, BINARY)
    attachment = {"contentType": "application/xml", "url": f"Binary/{binary}"}
    document: JSON = {
        "resourceType": "DocumentReference",
        "id": _id("DocumentReference", clean, look, DOCUMENT),
        "identifier": [{"use": "usual", "system": "urn:ietf:rfc:3986", "value": f"{look.oid('8.688883')}.{number}"}],
        "status": "current",
        "type": {"coding": [{"system": _LOINC, "code": loinc}], "text": title},
        "category": [concept(EPIC + "document-reference-category", "summary-document", "Summary Document")],
        "subject": _patient(clean, look),
        "date": as_moment(at, "seconds"),
        "author": [{"display": look.house()}],
        "custodian": {"display": look.house()},
        "content": [{"attachment": attachment, "format": dict(_FORMAT)}],
    }
    if clean["resourceType"] == "Encounter":
        start = day_of(str(clean["period"].get("start", at)))
        stay = look.reference_to(clean, "DocumentReference")
        document["context"] = {"encounter": [stay], "period": {"start": start}}
    text = ccda(title, loinc, document["identifier"][0]["value"], at, clean, look)
    data = base64.b64encode(text.encode()).decode()
    return document, {"resourceType": "Binary", "id": binary, "contentType": "application/xml", "data": data}


def _id(kind: str, clean: JSON, look: Look, flavour: str = "") -> str:
    place = place_of(str(clean["id"]))
    assert place is not None
    return look.dresser.ids.encode(kind, *place, flavour)


def _patient(clean: JSON, look: Look) -> JSON:
    """Who it is about."""
    if clean["resourceType"] == "Patient":
        return look.reference_to(clean, "DocumentReference")
    told = next(clean[name] for name in _WHOSE if isinstance(clean.get(name), dict))
    reference = {**told, "reference": look.dresser.refer(told["reference"])}
    return look.refer(reference, str(told["reference"]), "DocumentReference")
