"""Nobody came to an appointment (SIU^S26)."""

from __future__ import annotations

from typing import ClassVar

from mockehr.pathways.act import Act
from mockehr.pathways.step import Step
from mockehr.pathways.steps.reschedule import booked


class NoShow(Step):
    """The time is over, and nobody came."""

    NAME: ClassVar[str] = "no_show"
    SHORT: ClassVar[str] = "name"

    name: str = "appointment"

    def run(self, act: Act) -> None:
        """The Appointment, noshow."""
        act.change(booked(act, self.name), {"status": "noshow"}, act.told("SIU^S26"))
