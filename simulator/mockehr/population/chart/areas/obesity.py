"""Obesity: weight comes down slowly, if at all."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.course import Area, Marker, Target

AREA: Final = Area(
    name="obesity",
    diagnoses=(("E66.9", 1.0),),
    prevalence=((18, 0.1, 0.08), (35, 0.18, 0.16), (65, 0.14, 0.13)),
    earliest=14,
    watched=(("a1c", 900), ("lipid", 900)),
    markers=(Marker("bmi", 35.5, 33.5, 9.0, 700, years=0),),
    target=Target("Body mass index below 30 kg/m2", "39156-5", 30, "kg/m2"),
    complaint="Would like to lose weight; has tried diets before.",
    advice="Food diary, 500 kcal a day less, walking group on Thursdays.",
)
