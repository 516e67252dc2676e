"""Gallstones: an admission for laparoscopic removal of the gallbladder."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.areas.encounter_types import ADMISSION
from mockehr.population.chart.course import Area, Contact, Marker
from mockehr.population.professions import SURGERY

AREA: Final = Area(
    name="gallstones",
    diagnoses=(("K80.20", 1.0),),
    prevalence=((25, 0.02, 0.01), (45, 0.05, 0.03), (65, 0.06, 0.05)),
    chronic=False,
    earliest=20,
    lasts=30,
    markers=(Marker("bilirubin", 1.5, 1.5, 0.8), Marker("alp", 150, 150, 50), Marker("alt", 70, 70, 40)),
    contacts=(
        Contact(
            3,
            "inpatient",
            ADMISSION,
            hours=30,
            panels=("cbc", "cmp"),
            procedure="0FT44ZZ",
            drugs=("197806", "198440"),
            drug_days=7,
        ),
    ),
    complaint="Cramping pain under the right ribs after fatty meals.",
    advice="Low-fat diet for two weeks; no heavy lifting for a month.",
    practice=SURGERY,
)
