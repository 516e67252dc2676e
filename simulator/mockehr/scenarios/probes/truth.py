"""Ledger E: what the client ended up with is what is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class Truth(Probe):
    """Are the client's records the true ones: none lost, doubled, altered, misdecoded, filed under another patient,
    wrongly merged, unreadable or made up?

    Differences that the site made itself and no client could undo are not held against it, and what it parked is not
    lost, unless nothing was wrong with that.
    """

    name: ClassVar[str] = "truth"
    ledger: ClassVar[tuple[str, ...]] = ("E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "E10", "E11", "J6")

    first: int = 2
    """How many examples of each kind of difference are shown."""

    def judge(self, case: Case) -> Finding:
        """Read the comparison."""
        report = case.truth
        if report is None:
            return self.unseen("The client's records were not given back.")
        if not report.expected:
            return self.unseen("The truth is empty, so nothing could be wrong.")
        evidence = [Evidence(0, f"{kind}: {'; '.join(some)}") for kind, some in report.examples(self.first).items()]
        if report.ok:
            return self.verdict("pass", f"All {report.expected} records are true.", evidence)
        counts = ", ".join(f"{len(found)} {name}" for name, found in report.findings().items() if found)
        return self.verdict("fail", f"Of {report.expected} records: {counts}.", evidence)
