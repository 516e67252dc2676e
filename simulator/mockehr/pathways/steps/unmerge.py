"""A merge was wrong: there are two records again (ADT^A37)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from mockehr.core.changes import QUIET
from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.step import Step


class Unmerge(Step):
    """The record of the other person is one of its own again."""

    NAME: ClassVar[str] = "unmerge"
    SHORT: ClassVar[str] = "from"

    other: str = Field(alias="from")

    def persons(self) -> list[str]:
        """The one whose record comes back."""
        return [self.other]

    def run(self, act: Act) -> None:
        """Both Patients without the links between them."""
        stays, comes = act.someone, act.other(self.other)
        if not comes.merged:
            act.refuse(f"{self.other} was not merged")
        self._part(act, comes.patient, stays.patient, QUIET)
        self._part(act, stays.patient, comes.patient, act.told("ADT^A37"))
        comes.merged = False

    def _part(self, act: Act, one: str, other: str, event: str) -> None:
        links = [link for link in act.clean(one).get("link", []) if link["other"]["reference"] != other]
        changes: JSON = {"active": True} | ({"link": links} if links else {})
        act.change(one, changes, event, without=() if links else ("link",))
