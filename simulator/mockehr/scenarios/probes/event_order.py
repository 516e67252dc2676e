"""Ledger F3: what happened last counts, whatever came last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.event_reading import events, sent, wrong_records
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired


@dataclass(frozen=True, slots=True)
class EventOrder(Probe):
    """Does the receiver end up with the last state of what it was told out of order?"""

    name: ClassVar[str] = "event-order"
    ledger: ClassVar[tuple[str, ...]] = ("F3",)

    def judge(self, case: Case) -> Finding:
        """Compare the records that overtaken and late deliveries were about."""
        if case.truth is None or not case.truth.given:
            return self.unseen("The receiver's records were not given back.")
        overtaken = [one for one in sent(case) if fired(one, "reordered-delivery", "late-delivery", "event-burst")]
        about = {key: delivery.number for _, _, key, delivery in events(overtaken)}
        if not about:
            return self.unseen("No event came late or out of order.")
        wrong = wrong_records(case)
        faults = [Evidence(number, f"{key} {wrong[key]}") for key, number in about.items() if key in wrong]
        coped = [Evidence(number, f"{key} is as it was last") for key, number in about.items()]
        good = "Records told of out of order and right in the end: {n}."
        return self.weigh(faults, coped, good, "Records that an old event left wrong: {n}.")
