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
        "Condition": "Patient=subject Condition=code Clinical_Status=clinicalStatus Onset=onsetDateTime",
        "DiagnosticReport": "Patient=subject Document_Category=category Status=status Code=code Date=issued",
        "DocumentReference": "Patient_Name=subject Document_Type=type Document_Status=docStatus Date=date",
        "Encounter": "Patient=subject Location=location Type=type Class=class Status=status"
        " Service_Provider=serviceProvider",
        "Immunization": "Patient=patient Vaccine=vaccineCode Status=status Administered=occurrenceDateTime",
        "MedicationRequest": "Status=status Intent=intent Medication=medicationCodeableConcept"
        " Dosage_Instructions=dosageInstruction Patient=subject Authored_On=authoredOn",
        "Observation": "Patient=subject Type=code Status=status Result=valueQuantity Date=effectiveDateTime",
        "Patient": "Name=name Status=active Date_of_Birth=birthDate Administrative_Gender=gender",
        "Procedure": "Patient=subject Procedure=code Date=performedDateTime Status=status Location=location",
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
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(lines)}</div>'}


def _line(label: str, shown: str | None) -> str:
    told = "" if shown is None else f": {html.escape(shown, quote=False)}"
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
    if "value" in value:
        return f"{value['value']} {value.get('unit', '')}".strip()
    return text_of(value) or str(value.get("display") or value.get("text") or "")
