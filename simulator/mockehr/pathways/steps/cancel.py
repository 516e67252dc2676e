"""What was told is taken back: a visit (A11), a transfer (A12), a discharge (A13), a planned stay (A38), an order."""

from __future__ import annotations

from typing import ClassVar, Literal

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.step import Step
from mockehr.pathways.visits import free, stay


class Cancel(Step):
    """Undo the last step of that kind."""

    NAME: ClassVar[str] = "cancel"
    SHORT: ClassVar[str] = "what"

    what: Literal["admission", "visit", "transfer", "discharge", "preadmission", "order"]
    order: str = ""
    """The name of the order, where one is cancelled."""

    def run(self, act: Act) -> None:
        """The Encounter or ServiceRequest as it should have been."""
        match self.what:
            case "admission" | "visit" | "preadmission":
                self._visit(act)
            case "transfer":
                self._transfer(act)
            case "discharge":
                self._discharge(act)
            case _:
                self._order(act)

    def _visit(self, act: Act) -> None:
        visit, planned = act.visit(), self.what == "preadmission"
        if visit["status"] != ("planned" if planned else "in-progress"):
            act.refuse(f"the visit is {visit['status']}")
        free(act)
        without = ("location", "period")
        act.change(
            act.someone.visit, {"status": "cancelled"}, act.told("ADT^A38" if planned else "ADT^A11"), without=without
        )

    def _transfer(self, act: Act) -> None:
        visit, someone = act.visit(), act.someone
        if visit["status"] != "in-progress" or not someone.left or len(visit.get("location", [])) < 2:
            act.refuse("there was no transfer")
        last = someone.left[-1]
        bed = act.claim(last.ward, wanted=last)
        someone.left.pop()
        places: list[JSON] = [{**one} for one in visit["location"][:-1]]
        places[-1] = {**places[-1], "status": "active", "period": {"start": places[-1]["period"]["start"]}}
        if bed is not None and bed != last:  # somebody else lies there by now
            places = [*visit["location"][:-1], stay(act, bed)]
        free(act)
        someone.bed = bed
        act.change(someone.visit, {"location": places}, act.told("ADT^A12"))

    def _discharge(self, act: Act) -> None:
        visit, someone = act.visit(), act.someone
        if visit["status"] != "finished":
            act.refuse("there was no discharge")
        changes: JSON = {"status": "in-progress", "period": {"start": visit["period"]["start"]}}
        if someone.left:
            last = someone.left[-1]
            bed = act.claim(last.ward, wanted=last)
            someone.left.pop()
            someone.bed = bed
            if bed == last:
                back = visit["location"][-1]
                back = {**back, "status": "active", "period": {"start": back["period"]["start"]}}
                changes["location"] = [*visit["location"][:-1], back]
            elif bed is not None:
                changes["location"] = [*visit["location"], stay(act, bed)]
        elif visit.get("location"):
            changes["location"] = [*visit["location"][:-1], {**visit["location"][-1], "status": "active"}]
        changes["hospitalization"] = {
            k: v for k, v in visit["hospitalization"].items() if k != "dischargeDisposition"
        }
        without = () if changes["hospitalization"] else ("hospitalization",)
        if without:
            del changes["hospitalization"]
        act.change(someone.visit, changes, act.told("ADT^A13"), without=without)

    def _order(self, act: Act) -> None:
        key = act.someone.orders.get(self.order, "")
        if not key or act.clean(key)["status"] != "active":
            act.refuse(f"there is no open order {self.order!r}")
        act.change(key, {"status": "revoked"}, act.told("ORM^O01"))
