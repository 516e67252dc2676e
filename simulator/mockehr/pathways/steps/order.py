"""An order (ORM^O01)."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.scalars import Diagnosis, coded
from mockehr.pathways.step import Step
from mockehr.population.chart.codes import ICD10, LOINC, concept, hl7, snomed

PLACER_NUMBERS: Final = "urn:oid:2.16.840.1.113883.19.5.96"
_CATEGORIES: Final = {
    "laboratory": ("108252007", "Laboratory procedure"),
    "pathology": ("108252007", "Laboratory procedure"),
    "radiology": ("363679005", "Imaging"),
    "cardiology": ("103693007", "Diagnostic procedure"),
}


class Order(Step):
    """Something of a profile is ordered; `result` reports it under the same name."""

    NAME: ClassVar[str] = "order"
    SHORT: ClassVar[str] = "profile"

    profile: str
    """An order profile: `cbc`, `troponin` …"""
    name: str = ""
    """What later steps call it; the profile's name unless told."""
    priority: Literal["routine", "urgent", "asap", "stat"] = "routine"
    reason: Diagnosis = ""

    def run(self, act: Act) -> None:
        """An active ServiceRequest."""
        profile, name = act.pathway.profile(self.profile), self.name or self.profile
        code = coded(LOINC, profile.code)
        body: JSON = {
            "identifier": [
                {
                    "type": hl7("v2-0203", "PLAC", "Placer Identifier"),
                    "system": PLACER_NUMBERS,
                    "value": f"P{act.hospital.number():09d}",
                }
            ],
            "status": "active",
            "intent": "order",
            "category": [snomed(*_CATEGORIES[profile.kind])],
            "priority": self.priority,
            "code": concept(LOINC, code["coding"][0]["code"], code["coding"][0]["display"]),
            "subject": act.subject(),
            **act.of_visit(),
            "occurrenceDateTime": act.when,
            "authoredOn": act.when,
            "requester": act.attending(),
            "performer": [act.hospital.house("laboratory" if profile.kind == "laboratory" else "hospital")],
        }
        if self.reason:
            body["reasonCode"] = [coded(ICD10, self.reason)]
        act.someone.profiles[name] = self.profile
        act.someone.reports.pop(name, None)
        act.someone.orders[name] = act.put("ServiceRequest", "us-core-servicerequest", body, act.told("ORM^O01"))
