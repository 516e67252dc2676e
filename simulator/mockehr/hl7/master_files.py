"""Codes of master file messages (HL7 v2 chapter 8) against those of FHIR."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

MASTER_FILES: Final = frozenset(
    {"CDM", "CLN", "CMA", "CMB", "INV", "LOC", "OM1", "OM2", "OM3", "OM4", "OM5", "OM6", "OM7", "OMA", "OMB", "OMC",
     "OMD", "OME", "OMM", "PRA", "STF"}
)  # fmt: skip
"""MFI-1 (table 0175, and the segments after which sites name a file)."""
RECORD_EVENTS: Final = MappingProxyType({"MAD": True, "MUP": True, "MAC": True, "MDC": False, "MDL": False})
"""MFE-1 (table 0180) to whether the record is in use afterwards; what is deleted stays, out of use."""

PLACE_FORMS: Final = MappingProxyType(
    {"N": "wa", "B": "bd", "R": "ro", "E": "ro", "O": "ro", "C": "bu", "D": "area", "L": "area"}
)
"""LOC-3 (table 0260) to location-physical-type."""
PLACE_TYPES: Final = MappingProxyType({"wa": "N", "bd": "B", "ro": "R", "bu": "C"})
PHYSICAL_TYPE: Final = "http://terminology.hl7.org/CodeSystem/location-physical-type"
PLACE_TYPE: Final = "http://terminology.hl7.org/CodeSystem/v2-0260"
QUALIFICATIONS: Final = "http://terminology.hl7.org/CodeSystem/v2-0360"
