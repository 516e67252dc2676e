"""Hyperlipidaemia: LDL cholesterol falls within weeks of a statin."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.course import Area, Marker, Target

AREA: Final = Area(
    name="hyperlipidaemia",
    diagnoses=(("E78.5", 0.6), ("E78.00", 0.25), ("E78.2", 0.15)),
    prevalence=((25, 0.03, 0.05), (40, 0.14, 0.2), (50, 0.28, 0.32), (65, 0.45, 0.44)),
    earliest=25,
    therapy=(("617310", "312961", "259255"),),
    watched=(("lipid", 540),),
    markers=(Marker("ldl", 164, 88, 50, 40), Marker("tg", 178, 138, 80, 60)),
    target=Target("LDL cholesterol below 100 mg/dL", "13457-7", 100, "mg/dL"),
    complaint="Takes the statin most evenings; no muscle pain.",
    advice="Mediterranean diet; repeat lipids in a year.",
)
