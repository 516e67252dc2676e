"""Type 2 diabetes: HbA1c and glucose fall in the months after therapy starts."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.course import Area, Marker, Target
from mockehr.population.professions import ENDOCRINOLOGY

AREA: Final = Area(
    name="diabetes",
    diagnoses=(("E11.9", 0.7), ("E11.65", 0.3)),
    prevalence=((30, 0.02, 0.02), (45, 0.09, 0.11), (55, 0.15, 0.18), (65, 0.21, 0.24)),
    earliest=30,
    therapy=(("860975",), ("310490",), ("311041",)),
    watched=(("a1c", 170), ("cmp", 900), ("uacr", 360)),
    markers=(
        Marker("a1c", 8.6, 6.8, 2.8, 75),
        Marker("bmi", 31.0, 30.0, 6.0, 1500, years=0),
        Marker("uacr", 38, 26, 60, 200),
    ),
    target=Target("Hemoglobin A1c below 7 %", "4548-4", 7, "%"),
    complaint="Checks fasting glucose at home; no hypoglycemia, no numbness of the feet.",
    advice="Carbohydrate counting, yearly eye and foot examination, daily look at the feet.",
    practice=ENDOCRINOLOGY,
    role=("61894003", "Endocrinologist"),
)
