"""Injuries: an emergency visit, a film or a stitch, something for the pain."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.areas.encounter_types import EMERGENCY, URGENT_CARE
from mockehr.population.chart.course import Area, Contact

_PAIN: Final = ("197806", "198440", "197803")

AREAS: Final = (
    Area(
        name="sprain",
        diagnoses=(("S93.401A", 0.6), ("S80.01XA", 0.4)),
        prevalence=((6, 0.1, 0.13), (40, 0.06, 0.05)),
        chronic=False,
        earliest=5,
        lasts=21,
        contacts=(Contact(0, "ambulatory", URGENT_CARE, hours=1.5, drugs=_PAIN, drug_days=7),),
        complaint="Fell at the curb; swollen, can bear weight.",
        advice="Ice, elastic bandage, keep the leg up.",
    ),
    Area(
        name="laceration",
        diagnoses=(("S61.411A", 1.0),),
        prevalence=((6, 0.04, 0.07), (50, 0.03, 0.04)),
        chronic=False,
        earliest=5,
        lasts=14,
        contacts=(Contact(0, "emergency", EMERGENCY, hours=3, procedure="0HQFXZZ"),),
        complaint="Cut the right hand on glass an hour ago.",
        advice="Keep dry for two days; stitches out in ten.",
    ),
    Area(
        name="wrist_fracture",
        diagnoses=(("S52.501A", 1.0),),
        prevalence=((7, 0.03, 0.04), (20, 0.01, 0.015), (60, 0.06, 0.02)),
        chronic=False,
        earliest=6,
        lasts=45,
        contacts=(
            Contact(
                0, "emergency", EMERGENCY, hours=5, study="wrist", procedure="2W3CX2Z", drugs=_PAIN, drug_days=10
            ),
        ),
        complaint="Fell on the outstretched right hand.",
        advice="Cast for six weeks; move the fingers every hour.",
    ),
)
