"""Essential hypertension: blood pressure falls as therapy starts, potassium and creatinine are watched."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.course import Area, Marker, Target

AREA: Final = Area(
    name="hypertension",
    diagnoses=(("I10", 1.0),),
    prevalence=(
        (18, 0.02, 0.03),
        (35, 0.08, 0.12),
        (45, 0.22, 0.28),
        (55, 0.38, 0.42),
        (65, 0.58, 0.55),
        (75, 0.68, 0.62),
    ),
    earliest=18,
    therapy=(("314076", "197361", "979485"), ("310798", "197361")),
    watched=(("bmp", 500),),
    markers=(Marker("sbp", 154, 132, 22, 30), Marker("dbp", 94, 82, 12, 30)),
    target=Target("Blood pressure below 130/80 mmHg", "8480-6", 130, "mm[Hg]"),
    complaint="Home blood pressure readings have been above target; no chest pain, no headache.",
    advice="Less salt, home readings twice a week, 150 minutes of brisk walking a week.",
)
