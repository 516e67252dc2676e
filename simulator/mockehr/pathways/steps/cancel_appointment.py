"""An appointment is cancelled (SIU^S15)."""

from __future__ import annotations

from typing import ClassVar

from mockehr.pathways.act import Act
from mockehr.pathways.step import Step
from mockehr.pathways.steps.reschedule import booked


class CancelAppointment(Step):
    """It will not take place."""

    NAME: ClassVar[str] = "cancel_appointment"
    SHORT: ClassVar[str] = "name"

    name: str = "appointment"

    def run(self, act: Act) -> None:
        """The Appointment, cancelled."""
        act.change(booked(act, self.name), {"status": "cancelled"}, act.told("SIU^S15"))
