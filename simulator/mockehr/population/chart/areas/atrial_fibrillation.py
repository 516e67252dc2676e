"""Atrial fibrillation: rate control slows the heart, warfarin lifts the INR."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.areas.encounter_types import EMERGENCY, FOLLOW_UP
from mockehr.population.chart.course import Area, Contact, Marker, Target
from mockehr.population.professions import CARDIOLOGY

AREA: Final = Area(
    name="atrial_fibrillation",
    diagnoses=(("I48.91", 0.55), ("I48.0", 0.45)),
    prevalence=((50, 0.01, 0.02), (65, 0.06, 0.08), (75, 0.12, 0.14)),
    earliest=45,
    therapy=(("866436",), ("1364445", "855332")),
    watched=(("inr", 120), ("bmp", 400)),
    markers=(Marker("hr", 108, 76, 24, 10),),
    contacts=(
        Contact(0, "emergency", EMERGENCY, hours=5, chance=0.5, panels=("bmp", "cbc"), procedure="4A02X4Z"),
        Contact(20, "ambulatory", FOLLOW_UP, study="echo"),
    ),
    target=Target("Resting heart rate below 90 a minute", "8867-4", 90, "/min"),
    complaint="Palpitations now and then, lasting minutes; no dizziness.",
    advice="Anticoagulation without gaps; report any bleeding.",
    practice=CARDIOLOGY,
    role=("17561000", "Cardiologist"),
    forbids=("nsaid",),
)
