"""Ledger J6: what a client could not take in is set aside, and says why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class ExceptionsParked(Probe):
    """Of the records that the site corrupted, is every one that the client did not take in parked, with what was
    wrong with it?

    The client tells in `<site>.parked.ndjson`, a line each: which record, `type` (the type of failure) and `reason`.
    It fails if a corrupted record is neither held nor parked, or is parked without saying both. A type that is not
    the record's is shown by the comparison and let pass.
    """

    name: ClassVar[str] = "exceptions-parked"
    ledger: ClassVar[tuple[str, ...]] = ("J6",)

    def judge(self, case: Case) -> Finding:
        """Compare what was parked with what was corrupted."""
        report = case.truth
        if report is None:
            return self.unseen("The client's records were not given back.")
        if not report.handled:
            return self.unseen("No record of the client's was corrupted.")
        parked = [one for one in report.parked if one.corruption]
        faults = [Evidence(0, f"{key}: corrupted, and neither held nor parked") for key in report.vanished]
        faults += [
            Evidence(0, f"{one}: no {'type' if not one.failure else 'reason'} of failure is told")
            for one in parked
            if not (one.failure and one.reason)
        ]
        if not faults and not parked:
            return self.unseen("Every corrupted record was kept or repaired, so none was to be parked.")
        table = "; ".join(str(one) for one in report.handled)
        failed = f"Corrupted records that vanished, or were parked without a word: {{n}}. {_braced(table)}."
        coped = f"Parked with type and reason: {{n}}; none vanished. {_braced(table)}."
        return self.weigh(faults, [Evidence(0, str(one)) for one in parked], coped, failed)


def _braced(text: str) -> str:
    """A text that `weigh` leaves as it is."""
    return text.replace("{", "{{").replace("}", "}}")
