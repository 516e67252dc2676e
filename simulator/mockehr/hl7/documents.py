"""Codes of document messages (HL7 v2 chapter 9) against those of FHIR's DocumentReference."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

DOCUMENT_TYPES: Final = MappingProxyType(
    {
        "AR": ("Autopsy report", "18743-5"),
        "CD": ("Cardiodiagnostics", ""),
        "CN": ("Consultation", "11488-4"),
        "DI": ("Diagnostic imaging", "18748-4"),
        "DS": ("Discharge summary", "18842-5"),
        "ED": ("Emergency department report", "34111-5"),
        "HP": ("History and physical examination", "34117-2"),
        "OP": ("Operative report", "11504-8"),
        "PC": ("Psychiatric consultation", ""),
        "PH": ("Psychiatric history and physical examination", ""),
        "PN": ("Procedure note", "28570-0"),
        "PR": ("Progress note", "11506-3"),
        "SP": ("Surgical pathology", "11526-1"),
        "TS": ("Transfer summary", "18761-7"),
    }
)
"""TXA-2 (table 0270): its words, and the LOINC document code that means the same, if there is one."""
TYPE_OF_LOINC: Final = MappingProxyType({loinc: code for code, (_, loinc) in DOCUMENT_TYPES.items() if loinc})

DOC_STATUS: Final = MappingProxyType(
    {
        "DI": "preliminary",
        "DO": "preliminary",
        "IN": "preliminary",
        "IP": "preliminary",
        "PA": "preliminary",
        "AU": "final",
        "LA": "final",
    }
)
"""TXA-17 (table 0271, completion status) to composition-status: what somebody has signed is final."""
COMPLETION: Final = MappingProxyType({"preliminary": "IP", "final": "AU", "amended": "AU", "entered-in-error": "AU"})

AVAILABILITY: Final = MappingProxyType(
    {"AV": "current", "UN": "current", "OB": "superseded", "CA": "entered-in-error"}
)
"""TXA-19 (table 0273) to document-reference-status; what is not yet available is current all the same."""

CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v2-0272"
DOCUMENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/v2-0270"
LOINC: Final = "http://loinc.org"

WITH_CONTENT: Final = MappingProxyType({"T01": "T02", "T03": "T04", "T05": "T06", "T07": "T08", "T09": "T10"})
"""A trigger without content to that of the same event with it."""

_PRESENTATION: Final = {"text": "TX", "image": "IM", "audio": "AU", "application": "AP"}
PRESENTATION: Final = MappingProxyType(_PRESENTATION)
"""The major media type to TXA-3 (table 0191)."""
