"""Somebody is there for an appointment (SIU^S14); the visit itself begins with `register`."""

from __future__ import annotations

from typing import ClassVar

from mockehr.pathways.act import Act
from mockehr.pathways.step import Step
from mockehr.pathways.steps.reschedule import booked


class Arrive(Step):
    """The patient is here."""

    NAME: ClassVar[str] = "arrive"
    SHORT: ClassVar[str] = "name"

    name: str = "appointment"

    def run(self, act: Act) -> None:
        """The Appointment, arrived."""
        act.change(booked(act, self.name), {"status": "arrived"}, act.told("SIU^S14"))
