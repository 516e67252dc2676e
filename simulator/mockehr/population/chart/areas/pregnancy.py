"""Pregnancy: prenatal visits, folic acid, a delivery; hemoglobin falls and weight rises meanwhile."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.areas.encounter_types import ADMISSION, PRENATAL
from mockehr.population.chart.course import Area, Contact, Marker
from mockehr.population.professions import OBSTETRICS

AREA: Final = Area(
    name="pregnancy",
    diagnoses=(("Z34.80", 1.0),),
    prevalence=((17, 0.06, 0.0), (22, 0.16, 0.0), (36, 0.08, 0.0), (44, 0.0, 0.0)),
    chronic=False,
    earliest=17,
    lasts=275,
    markers=(
        Marker("hgb", -1.7, -1.7, -0.6, relative=True, years=0.6),
        Marker("hr", 12, 12, 4, relative=True, years=0.6),
        Marker("bmi", 4.6, 4.6, 2.5, relative=True, years=0.75),
    ),
    contacts=(
        Contact(
            60,
            "ambulatory",
            PRENATAL,
            panels=("cbc",),
            drugs=("310410",),
            drug_days=210,
            complaint="First visit; some nausea in the morning.",
        ),
        Contact(140, "ambulatory", PRENATAL),
        Contact(196, "ambulatory", PRENATAL, panels=("cbc",), complaint="Feels the baby move; no bleeding."),
        Contact(252, "ambulatory", PRENATAL, complaint="Feels the baby move; tired, sleeps badly."),
        Contact(
            273,
            "inpatient",
            ADMISSION,
            hours=44,
            procedure="10E0XZZ",
            complaint="Regular contractions since the night.",
        ),
    ),
    complaint="Feels well, no bleeding.",
    advice="Prenatal classes, no alcohol, folic acid daily.",
    practice=OBSTETRICS,
    role=("11935004", "Obstetrician"),
    pregnancy=True,
    forbids=("ace-inhibitor", "arb", "statin", "coumarin", "nsaid"),
)
