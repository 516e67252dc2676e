"""Ledger D13: what could not be exported is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.bulk_reading import Fetched, listed_in, ordered_after, orders
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import heard, status


@dataclass(frozen=True, slots=True)
class BulkErrorsRead(Probe):
    """Does the client fetch every file that a manifest lists in `error`?

    Records may be missing in `output` for which there is an OperationOutcome there (Bulk Data Access 2.0, "Response -
    Output Manifest"). What it makes of them, the probe `truth` tells.
    """

    name: ClassVar[str] = "bulk-errors-read"
    ledger: ClassVar[tuple[str, ...]] = ("D13",)

    def judge(self, case: Case) -> Finding:
        """Look for every error file of the newest manifest of every export."""
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        fetched = Fetched(case)
        for order in orders(case):
            poll, manifest = order.manifest or (None, {})
            if poll is None:
                continue
            for listed in listed_in(manifest, "error"):
                found = fetched.at(listed["url"])
                got = next((one for one in found if status(one) in (200, 206) and heard(one)), None)
                if got is not None:
                    coped.append(Evidence(got.number, f"{listed['url'].rpartition('/')[2]} was fetched"))
                elif ordered_after(case, poll.number) is None:
                    faults.append(Evidence(poll.number, f"{listed['url'].rpartition('/')[2]} was never fetched"))
        if not faults and not coped:
            return self.unseen("No export had errors.")
        return self.weigh(faults, coped, "Error files that were read: {n}.", "Error files that were not read: {n}.")
