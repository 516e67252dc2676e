"""Death: told with the discharge (ADT^A03) where there is a visit, else of the person alone (ADT^A08)."""

from __future__ import annotations

from typing import ClassVar

from mockehr.core.changes import QUIET
from mockehr.pathways.act import Act
from mockehr.pathways.step import Step
from mockehr.pathways.steps.discharge import Discharge


class Death(Step):
    """The patient dies; the visit, if there is one, ends with it."""

    NAME: ClassVar[str] = "death"

    def run(self, act: Act) -> None:
        """The Patient with its time of death, and the Encounter finished."""
        if act.someone.dead:
            act.refuse("it happened before")
        act.someone.dead = True
        open_visit = act.someone.visit and act.clean(act.someone.visit)["status"] in ("in-progress", "onleave")
        event = QUIET if open_visit else act.told("ADT^A08")
        act.change(
            act.someone.patient, {"deceasedDateTime": act.when, "active": False}, event, without=("deceasedBoolean",)
        )
        if open_visit:
            Discharge(to="expired").run(act)
