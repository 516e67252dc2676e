"""Ledger F9: what turns up behind the watermark is found by the next poll."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.event_reading import settled
from mockehr.scenarios.probe import Case, Finding, Probe
from mockehr.scenarios.reading import fired


@dataclass(frozen=True, slots=True)
class WatermarkOverlaps(Probe):
    """Does the client end up with records that a poll could not find yet, though they lay behind its watermark?

    The records that it gives back say so; without them, that a later answer had those resources.
    """

    name: ClassVar[str] = "watermark-overlaps"
    ledger: ClassVar[tuple[str, ...]] = ("F9",)

    def judge(self, case: Case) -> Finding:
        """Look for what was kept back from polls."""
        last = {
            key: one for one in case.on("fhir") if fired(one, "watermark-skew") for key in one.notes.get("unseen", ())
        }
        if not last:
            return self.unseen("Every poll found all that there was.")
        faults, coped = settled(case, [(key, one, f"{key} was not found yet") for key, one in last.items()])
        good = "Records that polls found late, all of them there: {n}."
        return self.weigh(faults, coped, good, "Records behind the watermark that were missed: {n}.")
