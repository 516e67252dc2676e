"""Two patients change places (ADT^A17)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from mockehr.core.changes import QUIET
from mockehr.pathways.act import Act
from mockehr.pathways.step import Step
from mockehr.pathways.visits import moved


class SwapBeds(Step):
    """One message tells of both."""

    NAME: ClassVar[str] = "swap_beds"
    SHORT: ClassVar[str] = "with"

    other: str = Field(alias="with")
    """The other person."""

    def persons(self) -> list[str]:
        """The other one."""
        return [self.other]

    def run(self, act: Act) -> None:
        """Both Encounters with one more location."""
        one, two = act.someone, act.other(self.other)
        if one.bed is None or two.bed is None or one is two:
            act.refuse("two persons in two beds are needed")
        act.hospital.beds.swap(one.bed, two.bed)
        one.bed, two.bed = two.bed, one.bed
        act.change(two.visit, {"location": moved(act, act.clean(two.visit), two.bed)}, QUIET)
        act.change(one.visit, {"location": moved(act, act.clean(one.visit), one.bed)}, act.told("ADT^A17"))
