"""Somebody comes as an outpatient or to the emergency department (ADT^A04)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from mockehr.pathways.act import Act
from mockehr.pathways.names import Title, WardName
from mockehr.pathways.scalars import Diagnosis
from mockehr.pathways.step import Step
from mockehr.pathways.visits import begin_visit


class Register(Step):
    """A visit begins: at a clinic, or with `class: emergency` in the emergency department."""

    NAME: ClassVar[str] = "register"

    kind: Literal["outpatient", "emergency", "observation"] = Field(default="outpatient", alias="class")
    ward: WardName = ""
    """Where a bed is taken; ED for emergencies, none for outpatients unless told."""
    reason: Diagnosis = ""
    attending: Title = ""
    appointment: str = ""
    """The name of the appointment that is kept by it."""

    def run(self, act: Act) -> None:
        """An Encounter in progress."""
        ward = self.ward or ("ED" if self.kind == "emergency" else "")
        bed = act.claim(ward) if ward else None
        event = act.told("ADT^A04")
        key = begin_visit(act, "in-progress", self.kind, event, bed=bed, reason=self.reason, title=self.attending)
        booked = act.someone.appointments.get(self.appointment, "")
        if self.appointment and not booked:
            act.refuse(f"there is no appointment {self.appointment!r}")
        if booked:
            act.change(booked, {"status": "fulfilled"})
            act.change(key, {"appointment": [{"reference": booked}]})
