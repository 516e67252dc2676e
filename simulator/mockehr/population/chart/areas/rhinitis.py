"""Seasonal allergic rhinitis: an antihistamine as needed."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.course import Area

AREA: Final = Area(
    name="rhinitis",
    diagnoses=(("J30.2", 1.0),),
    prevalence=((5, 0.1, 0.12), (18, 0.15, 0.13), (60, 0.09, 0.08)),
    earliest=4,
    therapy=(("311372", "1014678"),),
    complaint="Itchy eyes and sneezing from April to June.",
    advice="Start the antihistamine two weeks before the season.",
)
