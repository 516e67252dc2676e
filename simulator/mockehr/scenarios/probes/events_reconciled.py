"""Ledger F2, F6: what no event told is found by asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.event_reading import dropped, events, sent, settled, told
from mockehr.scenarios.probe import Case, Finding, Probe


@dataclass(frozen=True, slots=True)
class EventsReconciled(Probe):
    """Does the receiver end up with records whose events never came, as by polling with a watermark?

    The records that it gives back say so; without them, that it asked for those resources afterwards.
    """

    name: ClassVar[str] = "events-reconciled"
    ledger: ClassVar[tuple[str, ...]] = ("F2", "F6")

    def judge(self, case: Case) -> Finding:
        """Look for what was told only by events that were dropped."""
        heard = {(endpoint, number) for endpoint, number, _, _ in events(sent(case))}
        lost = [
            (key, delivery, f"the event about {key} was lost")
            for endpoint, number, key, delivery in events(one for one in told(case) if dropped(one))
            if (endpoint, number) not in heard
        ]
        if not lost:
            return self.unseen("No event was lost.")
        faults, coped = settled(case, lost)
        good = "Lost events whose records were found all the same: {n}."
        return self.weigh(faults, coped, good, "Lost events that were never noticed: {n}.")
