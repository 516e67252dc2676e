"""Iron deficiency anaemia: hemoglobin, cell volume and ferritin recover over months of iron."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.course import Area, Marker, Target

AREA: Final = Area(
    name="anaemia",
    diagnoses=(("D50.9", 1.0),),
    prevalence=((13, 0.07, 0.01), (50, 0.03, 0.02), (70, 0.06, 0.05)),
    earliest=12,
    therapy=(("310325",),),
    watched=(("cbc", 120), ("ferritin", 300)),
    markers=(
        Marker("hgb", 9.8, 12.9, -1.6, 60),
        Marker("mcv", 76, 87, -6, 60),
        Marker("rdw", 16.8, 13.8, 2, 90),
        Marker("ferritin", 8, 48, -6, 120),
    ),
    target=Target("Hemoglobin of 12 g/dL or above", "718-7", 12, "g/dL", at_least=True),
    complaint="Tired, and out of breath when running for the bus.",
    advice="Iron with orange juice, not with tea; repeat blood count in three months.",
)
