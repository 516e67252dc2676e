"""Two records of one person become one (ADT^A40 on the record that stays)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from mockehr.core.changes import QUIET
from mockehr.pathways.act import Act
from mockehr.pathways.step import Step


class Merge(Step):
    """The person stays; the record of the other one is replaced by theirs."""

    NAME: ClassVar[str] = "merge"
    SHORT: ClassVar[str] = "with"

    other: str = Field(alias="with")
    """The person whose record goes."""

    def persons(self) -> list[str]:
        """The one whose record goes."""
        return [self.other]

    def run(self, act: Act) -> None:
        """Both Patients, linked both ways; the replaced one is no longer active."""
        stays, goes = act.someone, act.other(self.other)
        if stays.patient == goes.patient or goes.merged:
            act.refuse("two records are needed that are not one already")
        link = {"other": {"reference": stays.patient}, "type": "replaced-by"}
        act.change(goes.patient, {"active": False, "link": [*act.clean(goes.patient).get("link", []), link]}, QUIET)
        back = {"other": {"reference": goes.patient}, "type": "replaces"}
        act.change(stays.patient, {"link": [*act.patient().get("link", []), back]}, act.told("ADT^A40"))
        goes.merged = True
