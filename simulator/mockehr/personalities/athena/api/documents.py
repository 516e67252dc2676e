"""Documents of the proprietary API, which are DocumentReferences over FHIR."""

from __future__ import annotations

import base64
import binascii
from html import escape
from typing import Final

from mockehr.core.exchange import JSON, Reply
from mockehr.personalities.athena.api.call import Call, Refused, answered, as_number, day_text, told
from mockehr.personalities.athena.clinical import SECTION_CODES
from mockehr.personalities.athena.ids import bare
from mockehr.personalities.athena.look import SIDS, STRUCTURES
from mockehr.personalities.athena.moments import with_zone
from mockehr.personalities.concepts import text_of

CLASSES: Final = ("ADMIN", "CLINICALDOCUMENT", "ENCOUNTERDOCUMENT", "MEDICALRECORD")
_CATEGORY: Final = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
_NOTES: Final = {"CLINICALDOCUMENT_CONSULTNOTE": "11488-4", "CLINICALDOCUMENT_OPERATIVENOTE": "11504-8",
                 "CLINICALDOCUMENT_ADMISSIONDISCHARGE": "18842-5",
                 "ENCOUNTERDOCUMENT_PROGRESSNOTE": "11506-3"}  # fmt: skip
_SIGNATURES: Final = ((b"%PDF", "application/pdf"), (b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"))


def add(call: Call) -> Reply:
    """POST /patients/{patientid}/documents: its id is a text."""
    made = _add(call)
    return answered({"documentid": bare(str(made["id"]))})


def add_clinical(call: Call) -> Reply:
    """POST /patients/{patientid}/documents/clinicaldocument: its id is a number."""
    call.wants("departmentid")
    made = _add(call)
    return answered({"success": True, "clinicaldocumentid": as_number(bare(str(made["id"])))})


def list_all(call: Call) -> Reply:
    """GET /patients/{patientid}/documents."""
    patient = call.patient()
    found = call.found("DocumentReference", {"patient": str(patient["id"])})
    call.tell(found)
    return call.page("documents", [_row(one, patient) for one in found])


def _row(document: JSON, patient: JSON) -> JSON:
    return told(
        {
            "documentid": as_number(bare(str(document["id"]))),
            "patientid": as_number(bare(str(patient["id"]))),
            "documentclass": "CLINICALDOCUMENT",
            "documenttype": text_of(document.get("type")) or None,
            "documentdate": day_text(document.get("date")),
            "createddate": day_text(document.get("date")),
            "createddatetime": document.get("date"),
            "status": "CLOSED" if document.get("status") == "current" else "DELETED",
        }
    )


def _add(call: Call) -> JSON:
    patient = call.patient()
    (subclass,) = call.wants("documentsubclass")
    if subclass.partition("_")[0] not in CLASSES:
        raise Refused(400, "Invalid documentsubclass.")
    if call.get("departmentid") and call.department(call.get("departmentid")) is None:
        raise Refused(400, "Invalid departmentid or departmentid / patientid combination.")
    day = call.day("observationdate")
    name = subclass.partition("_")[2].replace("_", " ").title() or subclass.title()
    document: JSON = {
        "resourceType": "DocumentReference",
        "identifier": [{"value": "{id}", "system": f"{SIDS}ah-documentreference"}],
        "extension": [
            {"url": STRUCTURES + "ah-practice",
             "valueReference": {"reference": f"Organization/a-1.Practice-{call.ids.practice}"}},
            {"url": STRUCTURES + "ah-chart-sharing-group",
             "valueReference": {"reference": f"Organization/a-{call.ids.practice}.CSG-1"}},
        ],
        "status": "current",
        "type": {"coding": [{"code": _NOTES.get(subclass, "34109-9"), "system": SECTION_CODES}], "text": name},
        "category": [{"coding": [{"code": "clinical-note", "system": _CATEGORY}]}],
        "subject": {"reference": f"Patient/{patient['id']}"},
        "date": f"{day.isoformat()}T00:00:00{with_zone(call.now)[-6:]}" if day is not None else with_zone(call.now),
        "content": [{"attachment": _attachment(call)}],
    }  # fmt: skip
    if call.get("internalnote"):
        document["description"] = call.get("internalnote")
    return call.create(document, "note")


def _attachment(call: Call) -> JSON:
    """The file that was sent, or the text, as a page."""
    sent = call.get("attachmentcontents").replace(" ", "+")  # who did not encode the plus means one
    if sent:
        try:
            octets = base64.b64decode(sent, validate=True)
        except (binascii.Error, ValueError):
            raise Refused(400, "The attachmentcontents could not be read.") from None
        media = next((media for start, media in _SIGNATURES if octets.startswith(start)), "text/html")
        return {"contentType": media, "data": base64.b64encode(octets).decode()}
    text = call.get("documentdata")
    if not text:
        raise Refused(400, "Either attachmentcontents or documentdata is required.")
    page = f"<html><body><pre>{escape(text)}</pre></body></html>"
    return {"contentType": "text/html", "data": base64.b64encode(page.encode()).decode()}
