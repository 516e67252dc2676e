"""Leave of absence: somebody goes for some hours or days (ADT^A21) and comes back (ADT^A22); the bed is kept."""

from __future__ import annotations

from typing import ClassVar

from mockehr.pathways.act import Act
from mockehr.pathways.step import Step


class Leave(Step):
    """The patient goes; `back: true`: comes back."""

    NAME: ClassVar[str] = "leave"
    SHORT: ClassVar[str] = "back"

    back: bool = False

    def run(self, act: Act) -> None:
        """The Encounter, on leave or in progress again."""
        status = act.visit()["status"]
        if status != ("onleave" if self.back else "in-progress"):
            act.refuse(f"the visit is {status}")
        event = act.told("ADT^A22" if self.back else "ADT^A21")
        act.change(act.someone.visit, {"status": "in-progress" if self.back else "onleave"}, event)
