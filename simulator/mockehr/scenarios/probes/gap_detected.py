"""Ledger F7: a gap is noticed, and somebody is asked what it hides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.event_reading import polls_after
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, status


@dataclass(frozen=True, slots=True)
class GapDetected(Probe):
    """After a gap in the numbers of events or in heartbeats, does the receiver ask what it missed?

    Asking is `$events`, a history, or a search by `_lastUpdated`. A gap of numbers shows with the next event.
    """

    name: ClassVar[str] = "gap-detected"
    ledger: ClassVar[tuple[str, ...]] = ("F7",)

    def judge(self, case: Case) -> Finding:
        """Look for a question after each gap."""
        deliveries = case.on("webhook")
        gaps = [(one, shown) for one in deliveries if (shown := _shows(one, deliveries)) is not None]
        if not gaps:
            return self.unseen("No gap came to the receiver's eyes.")
        faults, coped = [], []
        for gap, shown in gaps:
            asked = polls_after(case, gap.number)  # a heartbeat may have shown it earlier
            if asked:
                coped.append(Evidence(asked, f"asked after the gap of entry {gap.number}"))
            else:
                faults.append(Evidence(gap.number, f"nobody asked after this gap, which entry {shown.number} shows"))
        good = "Gaps after which the receiver asked: {n}."
        return self.weigh(faults, coped, good, "Gaps that nobody asked about: {n}.")


def _shows(gap: Exchange, deliveries: list[Exchange]) -> Exchange | None:
    """The delivery by which the receiver can see that gap; None if this is none, or nothing shows it."""
    if fired(gap, "event-number-gap") and status(gap):
        return gap
    if not fired(gap, "dropped-delivery", "heartbeat-gap"):
        return None
    later = (one for one in deliveries if one.number > gap.number and one.peer == gap.peer and status(one))
    return next((one for one in later if one.changes or not gap.changes), None)
