"""Gastro-esophageal reflux: a proton pump inhibitor, an endoscopy for some."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.areas.encounter_types import FOLLOW_UP
from mockehr.population.chart.course import Area, Contact

AREA: Final = Area(
    name="reflux",
    diagnoses=(("K21.9", 1.0),),
    prevalence=((18, 0.05, 0.05), (40, 0.12, 0.12), (60, 0.17, 0.16)),
    earliest=16,
    therapy=(("198051", "314200"),),
    contacts=(Contact(60, "ambulatory", FOLLOW_UP, hours=2, chance=0.3, procedure="0DJ08ZZ"),),
    complaint="Heartburn after late meals, better on the capsule.",
    advice="No meals within three hours of bedtime; raise the head of the bed.",
)
