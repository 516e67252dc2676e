"""An appointment at another time (SIU^S13)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from mockehr.pathways.act import Act
from mockehr.pathways.scalars import Span
from mockehr.pathways.step import Step
from mockehr.pathways.steps.schedule import slot, times


class Reschedule(Step):
    """The same appointment, `in` so long from now."""

    NAME: ClassVar[str] = "reschedule"
    SHORT: ClassVar[str] = "in"

    ahead: Span = Field(alias="in")
    name: str = "appointment"

    def run(self, act: Act) -> None:
        """The Appointment with new times."""
        key = booked(act, self.name)
        act.change(key, times(slot(act, self.ahead), act.clean(key)["minutesDuration"]), act.told("SIU^S13"))


def booked(act: Act, name: str) -> str:
    """The key of an appointment that is still to come; raises Refused if there is none."""
    key = act.someone.appointments.get(name, "")
    if not key or act.clean(key)["status"] != "booked":
        act.refuse(f"there is no booked appointment {name!r}")
    return key
