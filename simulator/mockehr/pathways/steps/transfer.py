"""Another bed (ADT^A02), with another class of visit where that changes (ADT^A06, ADT^A07)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from mockehr.pathways.act import Act
from mockehr.pathways.names import Title, WardName
from mockehr.pathways.step import Step
from mockehr.pathways.visits import CLASSES, class_code, free, moved, reclassed
from mockehr.population.chart.codes import hl7


class Transfer(Step):
    """To a bed on a ward, the same ward included."""

    NAME: ClassVar[str] = "transfer"
    SHORT: ClassVar[str] = "ward"

    ward: WardName
    kind: Literal["", "inpatient", "emergency", "outpatient", "observation"] = Field(default="", alias="class")
    """What the visit becomes by it."""
    attending: Title = ""

    def run(self, act: Act) -> None:
        """The Encounter with one more location."""
        visit, someone = act.visit(), act.someone
        if visit["status"] != "in-progress":
            act.refuse(f"the visit is {visit['status']}")
        bed = act.claim(self.ward)
        changes = {"location": moved(act, visit, bed)} if bed is not None else {}
        event = "ADT^A02"
        if self.kind and CLASSES[self.kind][0] != class_code(visit):
            changes |= reclassed(act, visit, self.kind)
            event = "ADT^A06" if self.kind == "inpatient" else "ADT^A07" if class_code(visit) == "IMP" else "ADT^A02"
        if self.attending or self.ward in ("ICU", "STROKE", "CARD"):
            someone.attending = act.hospital.clinician(self.ward, self.attending, act.stream)
            role = hl7("v3-ParticipationType", "ATND", "attender")
            changes["participant"] = [{"type": [role], "individual": someone.attending}]
        if someone.bed is not None:
            someone.left.append(someone.bed)
        free(act)
        someone.bed = bed
        act.change(someone.visit, changes, act.told(event))
