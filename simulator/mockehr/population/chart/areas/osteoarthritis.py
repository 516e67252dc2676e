"""Osteoarthritis of knee or hip: pain relief, and a new joint for some."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.areas.encounter_types import ADMISSION
from mockehr.population.chart.course import Area, Contact
from mockehr.population.professions import ORTHOPAEDICS

AREA: Final = Area(
    name="osteoarthritis",
    diagnoses=(("M17.11", 0.45), ("M17.12", 0.35), ("M16.11", 0.2)),
    prevalence=((45, 0.06, 0.05), (55, 0.16, 0.11), (65, 0.28, 0.2), (75, 0.36, 0.26)),
    earliest=42,
    therapy=(("198014", "198440", "197806"),),
    contacts=(
        Contact(
            -1,
            "inpatient",
            ADMISSION,
            hours=52,
            chance=0.12,
            panels=("cbc", "bmp"),
            procedure="0SRC0J9",
            complaint="Here for the joint replacement that was planned.",
        ),
    ),
    complaint="Stiff for ten minutes in the morning; worse on stairs.",
    advice="Physical therapy, weight loss, heat before exercise.",
    practice=ORTHOPAEDICS,
)
