"""Hypothyroidism: thyrotropin comes back to normal some weeks after levothyroxine starts."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.course import Area, Marker, Target

AREA: Final = Area(
    name="hypothyroidism",
    diagnoses=(("E03.9", 1.0),),
    prevalence=((18, 0.02, 0.005), (40, 0.06, 0.015), (60, 0.11, 0.03)),
    earliest=18,
    therapy=(("966222", "892246"),),
    watched=(("tsh", 300),),
    markers=(Marker("tsh", 12.5, 2.4, 8, 40), Marker("ft4", 0.7, 1.2, -0.2, 40), Marker("hr", 62, 72, 0, 40)),
    target=Target("Thyrotropin between 0.5 and 4.5 mIU/L", "3016-3", 4.5, "m[IU]/L"),
    complaint="Tired in the afternoon; weight stable.",
    advice="Levothyroxine on an empty stomach, half an hour before breakfast.",
)
