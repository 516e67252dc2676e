"""A person becomes known without a visit (ADT^A28)."""

from __future__ import annotations

from typing import ClassVar

from mockehr.pathways.act import Act
from mockehr.pathways.step import Step


class AddPerson(Step):
    """The record is told of, before or without any visit."""

    NAME: ClassVar[str] = "add_person"

    def run(self, act: Act) -> None:
        """A version of the Patient."""
        act.change(act.someone.patient, {"active": True}, act.told("ADT^A28"))
