"""A diagnosis (told by ADT^A08 of the visit)."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.scalars import Diagnosis, coded
from mockehr.pathways.step import Step
from mockehr.population.chart.codes import ICD10, category, hl7

_USES: Final = {"working": ("AD", "Admission diagnosis"), "final": ("DD", "Discharge diagnosis")}


class Diagnose(Step):
    """A condition, of the visit or (with `listed`) of the problem list."""

    NAME: ClassVar[str] = "diagnose"
    SHORT: ClassVar[str] = "code"

    code: Diagnosis
    use: Literal["working", "final"] = "final"
    listed: bool = False
    """On the problem list, where it stays."""

    def run(self, act: Act) -> None:
        """A Condition; the Encounter names it."""
        kind = (
            ("problem-list-item", "Problem List Item")
            if self.listed
            else ("encounter-diagnosis", "Encounter Diagnosis")
        )
        profile = "problems-health-concerns" if self.listed else "encounter-diagnosis"
        body: JSON = {
            "clinicalStatus": hl7("condition-clinical", "active", "Active"),
            "verificationStatus": hl7("condition-ver-status", "confirmed", "Confirmed"),
            "category": category("condition-category", *kind),
            "code": coded(ICD10, self.code),
            "subject": act.subject(),
            **act.of_visit(),
            "onsetDateTime": act.when[:10],
            "recordedDate": act.when,
            "recorder": act.attending(),
        }
        visit = act.someone.visit
        if not visit:
            act.put("Condition", f"us-core-condition-{profile}", body, act.told("-"))
            return
        key = act.put("Condition", f"us-core-condition-{profile}", body)
        known = act.clean(visit).get("diagnosis", [])
        use = hl7("diagnosis-role", *_USES[self.use])
        named = {"condition": act.refer(key), "use": use, "rank": len(known) + 1}
        act.someone.conditions.append(key)
        act.change(visit, {"diagnosis": [*known, named]}, act.told("ADT^A08"))
