"""An allergy is noted (told by ADT^A08; ADT^A60 where `event` says so)."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.scalars import Drug, coded
from mockehr.pathways.step import Step
from mockehr.population.chart.codes import RXNORM, hl7, snomed

_REACTIONS: Final = {
    "hives": ("247472004", "Hives"),
    "rash": ("271807003", "Eruption of skin (disorder)"),
    "itching": ("418290006", "Itching (finding)"),
    "dyspnea": ("267036007", "Dyspnea"),
    "anaphylaxis": ("39579001", "Anaphylaxis (disorder)"),
}


class Allergy(Step):
    """To an ingredient of RxNorm."""

    NAME: ClassVar[str] = "allergy"
    SHORT: ClassVar[str] = "to"

    to: Drug
    reaction: Literal["hives", "rash", "itching", "dyspnea", "anaphylaxis"] = "rash"
    severity: Literal["mild", "moderate", "severe"] = "mild"

    def run(self, act: Act) -> None:
        """An active, confirmed AllergyIntolerance."""
        body: JSON = {
            "clinicalStatus": hl7("allergyintolerance-clinical", "active", "Active"),
            "verificationStatus": hl7("allergyintolerance-verification", "confirmed", "Confirmed"),
            "type": "allergy",
            "category": ["medication"],
            "criticality": "high" if self.severity == "severe" else "low",
            "code": coded(RXNORM, self.to),
            "patient": act.subject(),
            **act.of_visit(),
            "recordedDate": act.when,
            "recorder": act.attending(),
            "reaction": [{"manifestation": [snomed(*_REACTIONS[self.reaction])], "severity": self.severity}],
        }
        act.put("AllergyIntolerance", "us-core-allergyintolerance", body, act.told("ADT^A08"))
