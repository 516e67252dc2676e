"""How a site's staff and buildings are numbered: positions in the tuples of `Directory.resources`."""

from __future__ import annotations

from typing import Final

HOSPITAL: Final = 0
CLINIC_GROUP: Final = 1
LABORATORY: Final = 2
PHARMACY: Final = 3
PAYERS: Final = (4, 5, 6)
"""Organizations; the payers are commercial, Medicare-like and Medicaid-like, in this order."""

BUILDING: Final = 0
EMERGENCY: Final = 1
MEDICAL_WARD: Final = 2
SURGICAL_WARD: Final = 3
INTENSIVE_CARE: Final = 4
LABORATORY_ROOM: Final = 5
CLINICS: Final = (6, 7, 8, 9)
"""Locations; clinics are where ambulatory patients belong (`Person.site_of_care`)."""

PRACTITIONERS: Final = 40
PRIMARY_CARE: Final = range(16)
"""Practitioners who are general practitioners: four at each clinic, in the order of CLINICS."""


def clinic_of(practitioner: int) -> int:
    """The clinic (Location) where a general practitioner works; raises ValueError for anybody else."""
    if practitioner not in PRIMARY_CARE:
        raise ValueError(f"practitioner {practitioner} is no general practitioner; those are {PRIMARY_CARE}")
    return CLINICS[practitioner * len(CLINICS) // len(PRIMARY_CARE)]


def general_practitioners(clinic: int) -> range:
    """The practitioners of a clinic; empty for a location that is none."""
    if clinic not in CLINICS:
        return range(0)
    each = len(PRIMARY_CARE) // len(CLINICS)
    first = CLINICS.index(clinic) * each
    return range(first, first + each)
