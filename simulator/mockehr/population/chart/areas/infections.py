"""Infections that come and go: each brings one visit, a test where there is one, and a short course of a drug."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.areas.encounter_types import EMERGENCY, SYMPTOM, URGENT_CARE
from mockehr.population.chart.course import Area, Contact, Marker

AREAS: Final = (
    Area(
        name="pharyngitis",
        diagnoses=(("J02.0", 1.0),),
        prevalence=((3, 0.25, 0.25), (18, 0.08, 0.08), (50, 0.03, 0.03)),
        chronic=False,
        earliest=2,
        lasts=10,
        markers=(Marker("temperature", 38.4, 38.4, 0.8),),
        contacts=(
            Contact(
                1,
                "ambulatory",
                URGENT_CARE,
                panels=("strep",),
                drugs=("308191", "308189", "308460"),
                drug_days=10,
            ),
        ),
        complaint="Sore throat and fever for two days, no cough.",
        advice="Fluids; finish the antibiotic.",
    ),
    Area(
        name="otitis",
        diagnoses=(("H66.91", 1.0),),
        prevalence=((0, 0.4, 0.4), (6, 0.12, 0.12), (18, 0.01, 0.01)),
        chronic=False,
        lasts=10,
        markers=(Marker("temperature", 38.6, 38.6, 0.9), Marker("hr", 14, 14, 8, relative=True, years=0.002)),
        contacts=(Contact(1, "ambulatory", SYMPTOM, drugs=("308189", "308191", "197803"), drug_days=10),),
        complaint="Pulls at the right ear since last night, slept badly.",
        advice="Pain relief; come back if the fever lasts beyond two days.",
    ),
    Area(
        name="bronchitis",
        diagnoses=(("J20.9", 0.5), ("J06.9", 0.5)),
        prevalence=((0, 0.3, 0.3), (18, 0.2, 0.2)),
        chronic=False,
        lasts=16,
        markers=(Marker("temperature", 37.6, 37.6, 0.8), Marker("rr", 4, 4, 3, relative=True, years=0.002)),
        contacts=(Contact(3, "ambulatory", SYMPTOM),),
        complaint="Cough for four days, runny nose, no shortness of breath.",
        advice="Rest and fluids; no antibiotic needed.",
    ),
    Area(
        name="cystitis",
        diagnoses=(("N39.0", 1.0),),
        prevalence=((16, 0.16, 0.01), (60, 0.2, 0.06)),
        chronic=False,
        earliest=14,
        lasts=8,
        contacts=(Contact(1, "ambulatory", SYMPTOM, panels=("urine",), drugs=("1648755",), drug_days=5),),
        complaint="Burning when passing water since yesterday; no flank pain.",
        advice="Plenty of water; return with fever or back pain.",
    ),
    Area(
        name="pneumonia",
        diagnoses=(("J18.9", 1.0),),
        prevalence=((40, 0.02, 0.02), (65, 0.07, 0.08)),
        chronic=False,
        lasts=24,
        markers=(
            Marker("temperature", 38.9, 38.9, 0.8),
            Marker("wbc", 15.5, 15.5, 5),
            Marker("spo2", 92.8, 92.8, -3),
            Marker("rr", 24, 24, 6),
        ),
        contacts=(
            Contact(
                3,
                "emergency",
                EMERGENCY,
                hours=6,
                panels=("cbc", "bmp"),
                study="chest",
                drugs=("308460",),
                drug_days=5,
            ),
        ),
        complaint="Fever, chills and a productive cough; pain on the right when breathing in.",
        advice="Finish the antibiotic; chest film again in six weeks.",
    ),
)
