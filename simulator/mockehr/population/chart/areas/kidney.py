"""Chronic kidney disease, stage 3: creatinine is high, so the estimated filtration rate is low."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.course import Area, Marker, Target
from mockehr.population.professions import INTERNAL_MEDICINE

AREA: Final = Area(
    name="kidney",
    diagnoses=(("N18.30", 0.3), ("N18.31", 0.45), ("N18.32", 0.25)),
    prevalence=((50, 0.02, 0.02), (60, 0.07, 0.06), (70, 0.15, 0.13), (80, 0.22, 0.2)),
    earliest=45,
    watched=(("bmp", 300), ("cbc", 700), ("uacr", 360)),
    markers=(
        Marker("bun", 29, 29, 12),
        Marker("uacr", 95, 95, 120),
        Marker("hgb", 12.1, 12.1, -1.5),
    ),
    target=Target("Estimated GFR stays at 30 or above", "98979-8", 30, "mL/min/{1.73_m2}", at_least=True),
    complaint="No swelling, passes water as usual.",
    advice="Avoid NSAIDs, keep blood pressure below 130/80, nephrology if the filtration rate falls below 30.",
    practice=INTERNAL_MEDICINE,
    role=("11911009", "Nephrologist"),
    forbids=("nsaid",),
    filtration=(("N18.30", 45), ("N18.31", 52), ("N18.32", 38)),
)
