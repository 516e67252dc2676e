"""Epic's documents: notes in two forms, scanned papers, summaries. Sources: notes.md, section DocumentReference."""

from __future__ import annotations

from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import (
    add_display,
    code_in,
    codes_of,
    coding,
    codings,
    concept,
    drop,
    text_of,
    with_text,
)
from mockehr.personalities.epic.binaries import NOTES, shown_as
from mockehr.personalities.epic.look import EPIC, EPIC_EXTENSION, Look
from mockehr.personalities.inline import linked

_LOINC: Final = "http://loinc.org"
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_ATTESTER: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DocumentReference.attester"
FORMATS: Final = "http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem"
FORMAT: Final = {
    "system": FORMATS,
    "code": "urn:ihe:iti:xds:2017:mimeTypeSufficient",
    "display": "mimeType Sufficient",
}
_NO_PATIENT: Final = "no disclosure to patient, family or caregivers without attending provider's authorization"
CLINICAL_NOTE: Final = concept(
    "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note", "Clinical Note"
)
_CATEGORIES: Final = {"clinical-note": "Clinical Note"}


def shape_document(made: JSON, clean: JSON, look: Look) -> JSON:
    """A note: Epic's note type, HTML and RTF by URL, author's profession; a scanned paper: no content to speak of."""
    number = look.number(clean, "document")
    kinds = codes_of(made.get("category")) | codes_of(made.get("type"))
    if "clinical-note" not in kinds:
        return scanned(made, number, look)
    made["identifier"] = [
        {"system": look.oid("2.727879"), "value": number},
        {"system": "urn:oid:1.2.840.114350.1.72.3.15", "value": f"{look.root}.2.727879_{number}"},
    ]
    made["type"] = note_type(made.get("type", {}), look)
    for category in made.get("category", ()):
        with_text(add_display(category, _CATEGORIES))
    made.setdefault("docStatus", "final")
    made["custodian"] = {
        "identifier": {"system": "urn:ietf:rfc:3986", "value": look.oid("3.688884.100")},
        "display": look.house(),
    }
    made["content"] = _contents(made.get("content", []), clean, look)
    _note_context(made, clean, look)
    if look.dresser.stream("epic", "withheld", str(clean.get("id", ""))).chance(look.tables["withheld_share"]):
        made["securityLabel"] = [concept("http://terminology.hl7.org/CodeSystem/v3-ActCode", "NOPAT", _NO_PATIENT)]
    _attest(made, look)
    drop(made, "description", "masterIdentifier")
    return made


def scanned(made: JSON, number: str, look: Look) -> JSON:
    """A paper that is only listed: `document-information`, an attachment that says that it is not applicable."""
    text = text_of(made.get("type")) or "Document"
    made["identifier"] = [look.identifier("2.686783", number)]
    local = look.local_code(code_in(made.get("type")) or text, "document", 5)
    made["type"] = concept(look.oid("4.686783.100"), local, text)
    made["category"] = [concept(EPIC + "documentreference-category", "document-information", "Document Information")]
    made["custodian"] = {"display": look.house()}
    made["content"] = [{"attachment": {"extension": [{"valueCode": "not-applicable", "url": _ABSENT}]}}]
    if isinstance(made.get("context"), dict):
        drop(made["context"], "period", "practiceSetting", "facilityType")
    drop(made, "date", "author", "authenticator", "description", "masterIdentifier")
    return made


def note_type(kind: JSON, look: Look) -> JSON:
    """Epic's codes for the type of a note, before the LOINC that was chosen."""
    loinc = code_in(kind, _LOINC)
    text = text_of(kind)
    code, name = look.tables["note_types"].get(loinc) or (look.local_code(loinc or text, "note", 5), text)
    found = [
        coding(look.oid("4.737880.5010"), code, name),
        coding("urn:oid:1.2.840.114350.1.72.727879.69848980", code, name),
    ]
    found += [{**one, "userSelected": True} for one in codings(kind) if one.get("system") == _LOINC]
    return {"coding": found, "text": name}


def _contents(contents: list[JSON], clean: JSON, look: Look) -> list[JSON]:
    """Each text twice, as HTML and as RTF, by relative URL and without data; other media once."""
    made: list[JSON] = []
    for told, original in zip(contents, clean.get("content", []), strict=False):
        attachment = told.get("attachment", {})
        media = str(attachment.get("contentType", "text/plain")).partition(";")[0]
        binary = linked(original.get("attachment", {}), clean)
        found = [(shown_as(media), look.dresser.refer(binary) if binary else str(attachment.get("url", "")))]
        if binary and media in NOTES:
            found.append(("text/rtf", _rtf_url(binary, look)))
        for kind, where in found:
            link = {"contentType": kind, "url": where} if where else {"contentType": kind}
            made.append({"attachment": link, "format": dict(FORMAT)})
    return made


def _rtf_url(clean: str, look: Look) -> str:
    binary = {"resourceType": "Binary", "id": clean.partition("/")[2]}
    return f"Binary/{look.dresser.id_of(binary, 'rtf')}"


def _note_context(made: JSON, clean: JSON, look: Look) -> None:
    context: dict[str, Any] = made.setdefault("context", {})
    profession = concept(look.oid("4.836982.1040"), "1", "Physician")
    url = EPIC_EXTENSION + "clinical-note-author-provider-type"
    extension = {"extension": [{"valueCodeableConcept": profession, "url": url}]}
    loinc = next((one["code"] for one in codings(made["type"]) if one.get("system") == _LOINC), "")
    if loinc in look.tables["note_services"]:
        service = concept(look.oid("4.696784.34886"), *look.tables["note_services"][loinc])
        url = EPIC_EXTENSION + "clinical-note-service"
        extension["extension"].append({"valueCodeableConcept": service, "url": url})
    period = context.get("period")
    if isinstance(period, dict):
        context["period"] = {"start": period["start"]} if "start" in period else period
    drop(context, "practiceSetting")
    specialty = look.specialty(
        next((str(one["reference"]) for one in clean.get("author", ()) if "reference" in one), "")
    )
    if specialty:
        number = look.local_code(specialty, "specialty", 2)
        context["practiceSetting"] = concept(look.oid("4.836982.1050"), number, specialty)
    order = ("encounter", "period", "practiceSetting", "related")
    made["context"] = {**extension, **{name: context[name] for name in order if name in context}}


def _attest(made: JSON, look: Look) -> None:
    """A signed note names who signed it and when, once in R4's element and once in R5's extension."""
    author = next((one for one in made.get("author", ()) if "reference" in one), None)
    if author is None or made.get("docStatus") != "final" or not made.get("date"):
        return
    at = str(made["date"])
    signed = {"valueDateTime": at, "url": EPIC_EXTENSION + "clinical-note-authentication-instant"}
    made["authenticator"] = {"extension": [signed], **author}
    mode = concept("urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.72072", "1", "Sign")
    party = {name: author[name] for name in ("reference", "display") if name in author}
    parts: list[JSON] = [
        {"valueCodeableConcept": mode, "url": "mode"},
        {"valueDateTime": at, "url": "time"},
        {"valueReference": party, "url": "party"},
    ]
    made["extension"] = [{"extension": parts, "url": _ATTESTER}]
