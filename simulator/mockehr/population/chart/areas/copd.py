"""Chronic obstructive pulmonary disease, with exacerbations that may lead to hospital."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.areas.encounter_types import ADMISSION
from mockehr.population.chart.course import Area, Contact, Marker, Target
from mockehr.population.professions import INTERNAL_MEDICINE

AREA: Final = Area(
    name="copd",
    diagnoses=(("J44.9", 1.0),),
    prevalence=((45, 0.03, 0.03), (60, 0.08, 0.08), (70, 0.12, 0.13)),
    earliest=42,
    therapy=(("2123111",), ("896209",)),
    markers=(Marker("spo2", 92.5, 93.6, -3, 30), Marker("rr", 21, 19, 3, 30)),
    contacts=(
        Contact(
            -1,
            "inpatient",
            ADMISSION,
            hours=76,
            chance=0.6,
            sharpens="J44.1",
            panels=("cbc", "bmp"),
            study="chest",
            drugs=("312615",),
            drug_days=5,
            complaint="More short of breath and more sputum for three days.",
        ),
    ),
    target=Target("Oxygen saturation at rest stays at 90 % or above", "59408-5", 90, "%", at_least=True),
    complaint="Short of breath on the second flight of stairs; morning cough with clear sputum.",
    advice="Stop smoking, pulmonary rehabilitation, pneumococcal and influenza vaccination.",
    practice=INTERNAL_MEDICINE,
    role=("41672002", "Respiratory disease specialist"),
)
