"""An appointment is booked (SIU^S12)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.names import Title
from mockehr.pathways.scalars import Diagnosis, Span, coded
from mockehr.pathways.step import Step
from mockehr.population.chart.codes import ICD10, hl7, snomed
from mockehr.population.chart.times import instant_text, on_a_weekday


class Schedule(Step):
    """`in` so long from now, at a consulting hour of a weekday."""

    NAME: ClassVar[str] = "schedule"
    SHORT: ClassVar[str] = "in"

    ahead: Span = Field(alias="in")
    name: str = "appointment"
    """What later steps call it."""
    minutes: int = Field(default=30, ge=5, le=480)
    description: str = "Follow-up"
    reason: Diagnosis = ""
    attending: Title = ""

    def run(self, act: Act) -> None:
        """A booked Appointment of patient, clinician and place."""
        start = slot(act, self.ahead)
        doctor = act.hospital.clinician("MED", self.attending, act.stream) if self.attending else act.attending()
        actors = [act.subject(), doctor, act.hospital.clinic(act.patient())]
        body: JSON = {
            "status": "booked",
            "serviceType": [snomed("185349003", "Encounter for check up (procedure)")],
            "appointmentType": hl7("v2-0276", "FOLLOWUP", "A follow up visit from a previous appointment"),
            "description": self.description,
            **times(start, self.minutes),
            "minutesDuration": self.minutes,
            "created": act.when,
            "participant": [{"actor": actor, "required": "required", "status": "accepted"} for actor in actors],
        }
        if self.reason:
            body["reasonCode"] = [coded(ICD10, self.reason)]
        act.someone.appointments[self.name] = act.put("Appointment", "", body, act.told("SIU^S12"))


def slot(act: Act, ahead: Span) -> float:
    """A consulting hour so long from now."""
    return max(on_a_weekday(act.at + ahead.draw(act.stream), act.stream.below(30)), act.at)


def times(start: float, minutes: int) -> JSON:
    """`start` and `end`."""
    return {"start": instant_text(start), "end": instant_text(start + minutes * 60)}
