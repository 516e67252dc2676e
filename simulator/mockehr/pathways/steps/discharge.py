"""A visit ends (ADT^A03)."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.step import Step
from mockehr.pathways.visits import free, gone
from mockehr.population.chart.codes import hl7

To = Literal["home", "nursing", "rehabilitation", "hospice", "hospital", "against-advice", "expired"]
_TO: Final = {
    "home": ("home", "Home"),
    "nursing": ("snf", "Skilled nursing facility"),
    "rehabilitation": ("rehab", "Rehabilitation"),
    "hospice": ("hosp", "Hospice"),
    "hospital": ("other-hcf", "Other healthcare facility"),
    "against-advice": ("aadvice", "Left against advice"),
    "expired": ("exp", "Expired"),
}


class Discharge(Step):
    """The bed is free again."""

    NAME: ClassVar[str] = "discharge"
    SHORT: ClassVar[str] = "to"

    to: To = "home"

    def run(self, act: Act) -> None:
        """The Encounter, finished."""
        visit = act.visit()
        if visit["status"] not in ("in-progress", "onleave"):
            act.refuse(f"the visit is {visit['status']}")
        stay: JSON = {
            **visit.get("hospitalization", {}),
            "dischargeDisposition": hl7("discharge-disposition", *_TO[self.to]),
        }
        changes: JSON = {
            "status": "finished",
            "period": {**visit["period"], "end": act.when},
            "hospitalization": stay,
        }
        if "location" in visit:
            changes["location"] = gone(act, visit)
        if act.someone.bed is not None:
            act.someone.left.append(act.someone.bed)
        free(act)
        act.change(act.someone.visit, changes, act.told("ADT^A03"))
