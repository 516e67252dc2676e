"""`Binary/$autogen-ccd-if` (Oracle Health): a Continuity of Care Document of one patient, made when it is asked for.

C-CDA R2.1 (templates 2.16.840.1.113883.10.20.22.1.2 and the sections whose entries are optional): a header, and a
table of what the record holds for each section.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON, Exchange, Reply
from mockehr.core.problem import Problem, not_found
from mockehr.fhir.media import form_of, split_media
from mockehr.fhir.operations.base import Input, Operation
from mockehr.fhir.search.date import interval_of
from mockehr.fhir.server import FhirServer

_SECTIONS: Final = (
    # title, LOINC code, template, resource type, category, elements shown
    ("Allergies", "48765-2", "2.6", "AllergyIntolerance", "", ("code", "clinicalStatus", "onsetDateTime")),
    ("Medications", "10160-0", "2.1", "MedicationRequest", "", ("medicationCodeableConcept", "status", "authoredOn")),
    ("Problems", "11450-4", "2.5", "Condition", "problem-list-item", ("code", "clinicalStatus", "onsetDateTime")),
    ("Procedures", "47519-4", "2.7", "Procedure", "", ("code", "status", "performedDateTime", "performedPeriod")),
    ("Results", "30954-2", "2.3", "Observation", "laboratory", ("code", "valueQuantity", "effectiveDateTime")),
    ("Vital Signs", "8716-3", "2.4", "Observation", "vital-signs", ("code", "valueQuantity", "effectiveDateTime")),
    ("Immunizations", "11369-6", "2.2", "Immunization", "", ("vaccineCode", "status", "occurrenceDateTime")),
)
_DATES: Final = (
    "effectiveDateTime",
    "performedDateTime",
    "occurrenceDateTime",
    "authoredOn",
    "recordedDate",
    "issued",
)


def ccd(server: FhirServer, exchange: Exchange, given: Input) -> JSON | Reply | Problem:
    """A Binary with the document; the document itself for who asks for XML."""
    patient = given.text("patient").removeprefix("Patient/")
    if not patient:
        text = "patient must be provided"
        return Problem(400, "parameter-missing", text, parameter="patient", resource_type="Binary")
    for name in ("start", "end"):
        if given.text(name) and ("T" not in given.text(name) or interval_of(given.text(name)) is None):
            return Problem(400, "parameter-invalid", f"{name} must be a dateTime with a time", parameter=name)
    record = server.store.read("Patient", patient)
    part = server.part(exchange, "Patient", "read")
    if record is None or record.deleted or (part is not None and not part.covers(record)):
        return not_found("Patient", patient)
    # Octets that are no UTF-8 come out as they are: the document is as broken as the text.
    octets = _document(server, exchange, record.document, given).encode("utf-8", "surrogateescape")
    accept = split_media(exchange.headers.get("accept", "").partition(",")[0])[0]
    if form_of(accept) == "xml" or accept == "application/xml":
        return Reply(200, [], octets, None, "application/xml")
    return {"resourceType": "Binary", "contentType": "application/xml", "data": b64encode(octets).decode()}


def _document(server: FhirServer, exchange: Exchange, patient: JSON, given: Input) -> str:
    stamp = "".join(letter for letter in instant(server.clock.now()) if letter.isdigit())
    sections = [
        _section(title, code, template, _records(server, exchange, kind, category, patient, given), shown)
        for title, code, template, kind, category, shown in _SECTIONS
    ]
    body = "".join(f"<component>{one}</component>" for one in sections)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3">'
        '<realmCode code="US"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>'
        '<templateId root="2.16.840.1.113883.10.20.22.1.1"/><templateId root="2.16.840.1.113883.10.20.22.1.2"/>'
        f'<id root="2.16.840.1.113883.19.5" extension="CCD-{escape(str(patient["id"]))}"/>'
        '<code code="34133-9" codeSystem="2.16.840.1.113883.6.1" displayName="Summarization of Episode Note"/>'
        f'<title>Continuity of Care Document</title><effectiveTime value="{stamp}"/>'
        '<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/><languageCode code="en-US"/>'
        f"{_target(patient)}<component><structuredBody>{body}</structuredBody></component></ClinicalDocument>"
    )


def _target(patient: JSON) -> str:
    names = patient.get("name") or [{}]
    given = "".join(f"<given>{escape(str(one))}</given>" for one in names[0].get("given", ()))
    born = str(patient.get("birthDate", "")).replace("-", "")
    sex = {"female": "F", "male": "M"}.get(str(patient.get("gender")), "UN")
    return (
        f'<recordTarget><patientRole><id root="2.16.840.1.113883.19.5" extension={quoteattr(str(patient["id"]))}/>'
        f"<patient><name>{given}<family>{escape(str(names[0].get('family', '')))}</family></name>"
        f'<administrativeGenderCode code="{sex}" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="{born}"/>'
        "</patient></patientRole></recordTarget>"
    )


def _records(
    server: FhirServer, exchange: Exchange, kind: str, category: str, patient: JSON, given: Input
) -> Sequence[JSON]:
    part = server.part(exchange, kind, "search")
    found = [one for one in server.store.chart(str(patient["id"]), kind) if part is None or part.covers(one)]
    visit = given.text("encounter").removeprefix("Encounter/")
    return [
        one.document
        for one in found
        if (not category or category in _categories(one.document))
        and (not visit or str((one.document.get("encounter") or {}).get("reference", "")).endswith(f"/{visit}"))
        and _within(one.document, given)
    ]


def _categories(document: JSON) -> set[str]:
    told = document.get("category")
    held = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    return {str(code.get("code")) for one in held for code in one.get("coding", ()) if isinstance(code, dict)}


def _within(document: JSON, given: Input) -> bool:
    first, last = interval_of(given.text("start")), interval_of(given.text("end"))
    if first is None and last is None:
        return True
    at = next((interval_of(document[name]) for name in _DATES if isinstance(document.get(name), str)), None)
    if at is None:
        return True  # whoever has no date belongs to every time
    return (first is None or at[1] >= first[0]) and (last is None or at[0] <= last[1])


def _section(title: str, code: str, template: str, records: Sequence[JSON], shown: tuple[str, ...]) -> str:
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(_told(one.get(name)))}</td>" for name in shown) + "</tr>" for one in records
    )
    table = f"<table><tbody>{rows}</tbody></table>" if rows else "No known information"
    return (
        f'<section><templateId root="2.16.840.1.113883.10.20.22.{template}"/>'
        f'<code code="{code}" codeSystem="2.16.840.1.113883.6.1"/><title>{title}</title>'
        f"<text>{table}</text></section>"
    )


def _told(value: Any) -> str:
    if not isinstance(value, dict):
        return "" if value is None else str(value)
    if "value" in value:
        return f"{value['value']} {value.get('unit', '')}".strip()
    first = next((one for one in value.get("coding", ()) if isinstance(one, dict)), {})
    return str(value.get("text") or first.get("display") or first.get("code") or value.get("start") or "")


CCD: Final = Operation(
    "autogen-ccd-if",
    "https://fhir-ehr.cerner.com/r4/OperationDefinition/binary-autogen-ccd-if",
    ccd,
    frozenset({"type"}),
    frozenset({"Binary"}),
    action="read",
    proprietary=True,
)
