"""Depression and anxiety: an antidepressant, seen more often than others."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.areas.encounter_types import FOLLOW_UP
from mockehr.population.chart.course import Area, Contact

AREA: Final = Area(
    name="depression",
    diagnoses=(("F32.9", 0.45), ("F33.1", 0.3), ("F41.1", 0.25)),
    prevalence=((14, 0.1, 0.05), (25, 0.16, 0.09), (65, 0.11, 0.07)),
    earliest=13,
    therapy=(("312941", "349332", "310385"),),
    contacts=(Contact(45, "ambulatory", FOLLOW_UP),),
    complaint="Sleep has been poor and mood low on most days; no thoughts of self-harm.",
    advice="Counseling every other week; keep regular hours; call at once if things get worse.",
)
