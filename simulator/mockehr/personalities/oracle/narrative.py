"""The generated text that every resource of Oracle Health carries. Sources: notes.md, section Narrative."""

from __future__ import annotations

import html
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import text_of
from mockehr.personalities.dates import spoken
from mockehr.personalities.oracle.look import Look
from mockehr.personalities.people import main_name, sorted_name

_LINES: Final = MappingProxyType(
    {
        "AllergyIntolerance": "Patient=patient Allergy=code Verification_Status=verificationStatus"
        " Clinical_Status=clinicalStatus Criticality=criticality",
        "Condition": "Patient=subject Problem=code Clinical_Status=clinicalStatus"
        " Verification_Status=verificationStatus Onset=onsetDateTime Resolved=abatementDateTime",
        "DiagnosticReport": "Patient=subject Document_Category=category Status=status Code=code Date=issued",
        "DocumentReference": "Patient_Name=subject Document_Type=type Document_Status=docStatus Date=date",
        "Encounter": "Patient=subject Location=location Type=type Class=class Status=status"
        " Service_Provider=serviceProvider",
        "Immunization": "Vaccine=vaccineCode Occurrence=occurrenceDateTime Patient=patient Status=status",
        "MedicationRequest": "Status=status Intent=intent Medication=medicationCodeableConcept"
        " Dosage_Instructions=dosageInstruction Patient=subject Authored_On=authoredOn",
        "Observation": "Patient_Id=subject Status=status Categories=category Code=code Result=valueQuantity"
        " Effective_Date=effectiveDateTime",
        "Account": "Account_Type=type Service_Period_Start_Date=servicePeriod Account_Number=identifier",
        "Coverage": "Status=status Subscriber=subscriber Subscriber_Id=subscriberId Beneficiary=beneficiary"
        " Coverage_Start_Date=period Payor=payor",
        "CareTeam": "Patient=subject Care_Team_Name=name Status=status Category=category",
        "Goal": "Subject=subject Description=description Expressed_By=expressedBy Status=lifecycleStatus"
        " Start_Date=startDate",
        "Location": "Name=name Managing_Organization=managingOrganization Physical_Type=physicalType Status=status",
        "Organization": "Name=name Status=active",
        "Patient": "Name=name Status=active DOB=birthDate Administrative_Gender=gender Marital_Status=maritalStatus",
        "Practitioner": "Name=name Gender=gender Status=active",
        "Procedure": "Patient=subject Procedure=code Period_Start_Date=performedPeriod Date=performedDateTime"
        " Status=status Location=location Recorder=recorder",
        "Provenance": "Recorded=recorded",
        "RelatedPerson": "Name=name Gender=gender Patient=patient Status=active Relationship=relationship",
        "Schedule": "Status=active Service_Type=serviceType Practitioner=actor",
        "ServiceRequest": "Patient=subject Code=code Occurrence=occurrenceDateTime Priority=priority Status=status"
        " Intent=intent Requester=requester",
        "Slot": "Service_Type=serviceType Start=start End=end Schedule_Reference=schedule Status=status",
    }
)
"""Resource type to `Label=element` in the order of the text."""


def narrate(made: JSON, clean: JSON, look: Look) -> JSON:
    """A `generated` text: the type's name, then a paragraph for each fact that is there."""
    kind = made["resourceType"]
    lines = [_line(_words(kind), None)]
    for pair in _LINES.get(kind, "Status=status Patient=subject Type=type Name=name Code=code").split():
        label, _, element = pair.partition("=")
        shown = _shown(element, made.get(element), clean.get(element), look)
        if shown:
            lines.append(_line(label.replace("_", " "), shown))
    status = "extensions" if kind == "Patient" and made.get("extension") else "generated"
    return {"status": status, "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(lines)}</div>'}


def _line(label: str, shown: str | None) -> str:
    told = "" if shown is None else f": {html.escape(shown, quote=False).replace(chr(39), '&#39;')}"
    return f"<p><b>{label}</b>{told}</p>"


def _words(kind: str) -> str:
    return "".join(f" {letter}" if letter.isupper() else letter for letter in kind).strip()


def _shown(element: str, value: Any, clean: Any, look: Look) -> str:
    if element == "name" and isinstance(value, list):
        return sorted_name(main_name({"name": value}))
    if isinstance(value, list):
        return (
            _shown(element, value[0], clean[0] if isinstance(clean, list) and clean else clean, look) if value else ""
        )
    if isinstance(value, bool):
        return "Active" if value else "Inactive"
    if isinstance(value, str):
        return spoken(value) if value[:4].isdigit() else value.replace("-", " ").title()
    if not isinstance(value, dict):
        return "" if value is None else str(value)
    if "reference" in value:
        known = look.dresser.neighbour(str(clean.get("reference", ""))) if isinstance(clean, dict) else None
        return look.called(known) if known is not None else str(value.get("display", ""))
    if "location" in value:
        return _shown("location", value["location"], clean.get("location") if isinstance(clean, dict) else None, look)
    if "start" in value and "code" not in value:
        return spoken(str(value["start"]))
    if "value" in value:
        return f"{value['value']} {value.get('unit', '')}".strip()
    return text_of(value) or str(value.get("display") or value.get("text") or "")
