"""Encounter types of US Core: single SNOMED CT codes with their displays."""

from __future__ import annotations

from typing import Final

CHECK_UP: Final = ("185349003", "Encounter for check up (procedure)")
GENERAL_EXAM: Final = ("162673000", "General examination of patient (procedure)")
WELL_CHILD: Final = ("410620009", "Well child visit (procedure)")
FOLLOW_UP: Final = ("185389009", "Follow-up visit (procedure)")
SYMPTOM: Final = ("185345009", "Encounter for symptom (procedure)")
URGENT_CARE: Final = ("702927004", "Urgent care clinic (procedure)")
EMERGENCY: Final = ("50849002", "Emergency room admission (procedure)")
ADMISSION: Final = ("32485007", "Hospital admission (procedure)")
PRENATAL: Final = ("424619006", "Prenatal visit (regime/therapy)")
