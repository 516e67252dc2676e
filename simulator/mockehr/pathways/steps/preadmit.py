"""Somebody is expected (ADT^A05)."""

from __future__ import annotations

from typing import ClassVar

from mockehr.pathways.act import Act
from mockehr.pathways.names import Title
from mockehr.pathways.scalars import Diagnosis
from mockehr.pathways.step import Step
from mockehr.pathways.visits import begin_visit


class Preadmit(Step):
    """A stay is planned; `admit` begins it."""

    NAME: ClassVar[str] = "preadmit"

    reason: Diagnosis = ""
    attending: Title = ""

    def run(self, act: Act) -> None:
        """A planned Encounter."""
        title = self.attending or "Internal Medicine"
        begin_visit(act, "planned", "preadmission", act.told("ADT^A05"), bed=None, reason=self.reason, title=title)
