"""Ledger F4: what somebody recorded and sends again is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.scenarios.event_reading import REFUSALS
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import status

_KNOWN: Final = REFUSALS | {409}


@dataclass(frozen=True, slots=True)
class ReplayRefused(Probe):
    """Is a delivery that comes again with its old time stamp and signature refused (400, 401, 403 or 409)?"""

    name: ClassVar[str] = "replay-refused"
    ledger: ClassVar[tuple[str, ...]] = ("F4",)

    def judge(self, case: Case) -> Finding:
        """Read the answers to replays."""
        replays = [one for one in case.on("webhook") if "replayed" in one.notes and status(one)]
        if not replays:
            return self.unseen("No delivery was replayed.")
        shown = [
            Evidence(one.number, f"the delivery of entry {one.notes['replayed']} came again: {status(one)}")
            for one in replays
        ]
        faults = [item for item, one in zip(shown, replays, strict=True) if status(one) not in _KNOWN]
        return self.weigh(faults, shown, "Replays, all of them refused: {n}.", "Replays that were believed: {n}.")
