"""Something was done (told by ADT^A08 of the visit)."""

from __future__ import annotations

from typing import ClassVar

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act, seconds_of
from mockehr.pathways.names import Title
from mockehr.pathways.scalars import Operation, Span, TimeSpan, coded
from mockehr.pathways.step import Step
from mockehr.population.chart.codes import ICD10_PCS
from mockehr.population.chart.times import instant_text


class Procedure(Step):
    """It ends now, and `took` so long."""

    NAME: ClassVar[str] = "procedure"
    SHORT: ClassVar[str] = "code"

    code: Operation
    took: Span = TimeSpan.model_validate({"from": "20m", "to": "40m"})
    by: Title = ""

    def run(self, act: Act) -> None:
        """A completed Procedure."""
        begun = act.at - self.took.draw(act.stream)
        if act.someone.visit and "period" in act.visit():
            begun = max(begun, seconds_of(act.visit()["period"]["start"]))
        who = act.hospital.clinician("SURG", self.by, act.stream) if self.by else act.attending()
        body: JSON = {
            "status": "completed",
            "code": coded(ICD10_PCS, self.code),
            "subject": act.subject(),
            **act.of_visit(),
            "performedPeriod": {"start": instant_text(begun), "end": act.when},
            "performer": [{"actor": who}],
        }
        if act.someone.conditions:
            body["reasonReference"] = [act.refer(act.someone.conditions[0])]
        act.put("Procedure", "us-core-procedure", body, act.told("ADT^A08" if act.someone.visit else "-"))
