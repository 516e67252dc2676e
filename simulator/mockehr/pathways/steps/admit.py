"""A stay begins (ADT^A01), or a visit becomes one (ADT^A06)."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.names import Title, WardName
from mockehr.pathways.scalars import Diagnosis, coded
from mockehr.pathways.step import Step
from mockehr.pathways.visits import begin_visit, class_code, free, is_open, moved, reclassed, stay
from mockehr.population.chart.codes import ICD10, hl7

_SOURCES: Final = {
    "emergency": "emd From accident/emergency department",
    "physician": "gp General Practitioner referral",
    "transfer": "hosp-trans Transferred from other hospital",
    "birth": "born Born in hospital",
    "outpatient": "outp From outpatient department",
}


class Admit(Step):
    """A bed on a ward; goes on with the visit that is open, unless `new_visit` is true."""

    NAME: ClassVar[str] = "admit"
    SHORT: ClassVar[str] = "ward"

    ward: WardName = "MED"
    kind: Literal["inpatient", "observation"] = Field(default="inpatient", alias="class")
    reason: Diagnosis = ""
    attending: Title = ""
    source: Literal["", "emergency", "physician", "transfer", "birth", "outpatient"] = ""
    new_visit: bool = False

    def run(self, act: Act) -> None:
        """An Encounter in progress."""
        before = act.clean(act.someone.visit) if act.someone.visit else None
        if before is not None and is_open(before) and not self.new_visit:
            self._go_on(act, before)
            return
        bed = act.claim(self.ward)
        source = _SOURCES[self.source] if self.source else "other Other"
        event = act.told("ADT^A01")
        begin_visit(
            act, "in-progress", self.kind, event, bed=bed, reason=self.reason, title=self.attending, source=source
        )

    def _go_on(self, act: Act, visit: JSON) -> None:
        """The planned stay begins, or the outpatient or emergency visit becomes a stay under the same number."""
        if class_code(visit) == "IMP":
            act.refuse("the stay has begun already; a transfer changes the ward")
        bed = act.claim(self.ward)
        planned = visit["status"] == "planned"
        free(act)
        changes = reclassed(act, visit, self.kind) | {"status": "in-progress"}
        if bed is not None:
            changes["location"] = [stay(act, bed)] if planned else moved(act, visit, bed)
        if planned:
            changes["period"] = {"start": act.when}
            del changes["classHistory"]
        act.someone.attending = act.hospital.clinician(self.ward, self.attending, act.stream)
        role = hl7("v3-ParticipationType", "ATND", "attender")
        changes["participant"] = [{"type": [role], "individual": act.someone.attending}]
        if self.reason:
            changes["reasonCode"] = [coded(ICD10, self.reason)]
        source = self.source or ("emergency" if class_code(visit) == "EMER" else "physician")
        code, _, display = _SOURCES[source].partition(" ")
        changes["hospitalization"] = {"admitSource": hl7("admit-source", code, display)}
        act.someone.bed = bed
        usual = "ADT^A01" if planned else "ADT^A06" if self.kind == "inpatient" else "ADT^A02"
        act.change(act.someone.visit, changes, act.told(usual))
