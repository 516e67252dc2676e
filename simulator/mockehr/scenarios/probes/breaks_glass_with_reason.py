"""Ledger D10: a restricted record is opened for a reason, one patient at a time, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, label, same_request


@dataclass(frozen=True, slots=True)
class BreaksGlassWithReason(Probe):
    """When a record wants the glass to be broken, does the client repeat with a reason, for that patient alone, or
    leave it?

    It fails if it repeats without a reason (one more try is let pass), or sends a reason for patients for whom none
    was wanted: whoever breaks every glass has none.
    """

    name: ClassVar[str] = "breaks-glass-with-reason"
    ledger: ClassVar[tuple[str, ...]] = ("D10",)

    most: int = 1
    """How often a refused request may be repeated without a reason."""

    def judge(self, case: Case) -> Finding:
        """Look at repeats, and at where reasons were sent."""
        calls = case.on("fhir")
        shut = [call for call in calls if fired(call, "break-the-glass") and "glass" in call.notes]
        reasons = [call for call in calls if "broke_the_glass" in call.notes]
        if not shut and not reasons:
            return self.unseen("No record wanted the glass to be broken.")
        faults: list[Evidence] = []
        for call in reasons:
            if not any(one.number < call.number and _about(call, one.notes["glass"]["patient"]) for one in shut):
                text = f"{label(call)} gives a reason ({call.notes['broke_the_glass']}) that nobody had asked for"
                faults.append(Evidence(call.number, text))
        for place, call in enumerate(shut):
            if any(same_request(call, earlier) for earlier in shut[:place]):
                continue
            again = sum(1 for other in shut[place + 1 :] if same_request(call, other))
            if again > self.most:
                faults.append(Evidence(call.number, f"{label(call)} was repeated {again} times without a reason"))
        coped = [Evidence(call.number, f"{label(call)} was refused, wanting a reason") for call in shut]
        return self.weigh(faults, coped, "Restricted records, treated as such: {n}.", "Glasses not minded: {n}.")


def _about(call: Exchange, patient: str) -> bool:
    parts = f"{call.path}&{call.query}".replace("/", "&").replace("=", "&").replace("%2F", "&").split("&")
    return patient in parts
