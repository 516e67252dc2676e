"""Asthma: saturation a little low in the worse cases, a controller for moderate disease."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.areas.encounter_types import EMERGENCY
from mockehr.population.chart.course import Area, Contact, Marker

AREA: Final = Area(
    name="asthma",
    diagnoses=(("J45.20", 0.6), ("J45.40", 0.4)),
    prevalence=((3, 0.06, 0.08), (18, 0.08, 0.06), (60, 0.06, 0.05)),
    earliest=2,
    therapy=(("2123111",), ("895994", "896209")),
    markers=(Marker("spo2", 96.2, 97.4, -1.5, 20), Marker("rr", 3.5, 0.5, 3, 20, relative=True)),
    contacts=(
        Contact(
            -1,
            "emergency",
            EMERGENCY,
            hours=4,
            chance=0.25,
            study="chest",
            drugs=("312615",),
            drug_days=5,
            complaint="Wheezing since last night; the rescue inhaler helps for an hour at most.",
        ),
    ),
    complaint="Wheezes with colds and on cold mornings; uses the rescue inhaler about twice a week.",
    advice="Asthma action plan reviewed, spacer technique checked.",
)
