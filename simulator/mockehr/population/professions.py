"""Which professions a site employs: forty practitioners in a fixed order, so that charts can rely on it.

Specialties carry single codes of the NUCC provider taxonomy (the set that US Core binds to), one per profession.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.population.roster import (
    BUILDING,
    EMERGENCY,
    INTENSIVE_CARE,
    LABORATORY_ROOM,
    MEDICAL_WARD,
    SURGICAL_WARD,
)


@dataclass(frozen=True, slots=True)
class Profession:
    """What somebody is; `role` is a practitioner-role code, `degree` a code of HL7 table 0360."""

    title: str
    taxonomy: str
    role: str
    degree: str
    degree_display: str
    prefix: str = "Dr."


_MD: Final = ("doctor", "MD", "Doctor of Medicine")

FAMILY_MEDICINE: Final = Profession("Family Medicine", "207Q00000X", *_MD)
INTERNAL_MEDICINE: Final = Profession("Internal Medicine", "207R00000X", *_MD)
PEDIATRICS: Final = Profession("Pediatrics", "208000000X", *_MD)
NURSE_PRACTITIONER: Final = Profession("Nurse Practitioner", "363L00000X", "nurse", "NP", "Nurse Practitioner", "")
EMERGENCY_MEDICINE: Final = Profession("Emergency Medicine", "207P00000X", *_MD)
CARDIOLOGY: Final = Profession("Cardiovascular Disease", "207RC0000X", *_MD)
ENDOCRINOLOGY: Final = Profession("Endocrinology, Diabetes & Metabolism", "207RE0101X", *_MD)
SURGERY: Final = Profession("Surgery", "208600000X", *_MD)
ORTHOPAEDICS: Final = Profession("Orthopaedic Surgery", "207X00000X", *_MD)
OBSTETRICS: Final = Profession("Obstetrics & Gynecology", "207V00000X", *_MD)
PSYCHIATRY: Final = Profession("Psychiatry", "2084P0800X", *_MD)
RADIOLOGY: Final = Profession("Diagnostic Radiology", "2085R0202X", *_MD)
PATHOLOGY: Final = Profession("Anatomic Pathology & Clinical Pathology", "207ZP0102X", *_MD)
NURSE: Final = Profession("Registered Nurse", "163W00000X", "nurse", "RN", "Registered Nurse", "")
PHARMACIST: Final = Profession("Pharmacist", "183500000X", "pharmacist", "PHD", "Doctor of Philosophy", "")

_CLINIC_TEAM: Final = (FAMILY_MEDICINE, INTERNAL_MEDICINE, PEDIATRICS, NURSE_PRACTITIONER)

PRACTICES: Final[tuple[tuple[Profession, int], ...]] = (
    *((profession, clinic) for clinic in (6, 7, 8, 9) for profession in _CLINIC_TEAM),
    *((EMERGENCY_MEDICINE, EMERGENCY) for _ in range(3)),
    *((CARDIOLOGY, MEDICAL_WARD), (CARDIOLOGY, INTENSIVE_CARE), (ENDOCRINOLOGY, MEDICAL_WARD)),
    *((INTERNAL_MEDICINE, MEDICAL_WARD), (INTERNAL_MEDICINE, INTENSIVE_CARE)),
    *((SURGERY, SURGICAL_WARD), (SURGERY, SURGICAL_WARD), (ORTHOPAEDICS, SURGICAL_WARD)),
    *((OBSTETRICS, BUILDING), (OBSTETRICS, BUILDING), (PSYCHIATRY, BUILDING)),
    *((RADIOLOGY, BUILDING), (RADIOLOGY, BUILDING), (PATHOLOGY, LABORATORY_ROOM)),
    *((NURSE, place) for place in (EMERGENCY, MEDICAL_WARD, SURGICAL_WARD, INTENSIVE_CARE, BUILDING)),
    *((PHARMACIST, BUILDING), (PHARMACIST, BUILDING)),
)
"""Profession and workplace (Location) of each practitioner; the first sixteen are `roster.PRIMARY_CARE`."""
