"""Ledger B: each launch ends as the scenario says that it should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.launched import LAUNCHES, Launched
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class CompletesLaunches(Probe):
    """Does every launch end as the scenario expects: completed by the app, or refused by it?

    `refused` holds for an app that stops and says so, and for a hospital that does not let it in; an app that fails
    in another way (an error status, a loop, no answer) holds for nothing but `any`.
    """

    name: ClassVar[str] = "completes-launches"
    ledger: ClassVar[tuple[str, ...]] = ("B1", "B2", "B5", "B7")

    def judge(self, case: Case) -> Finding:
        """See Probe."""
        launched: tuple[Launched, ...] = case.expected.get(LAUNCHES, ())
        expected = [one for one in launched if one.expected != "any"]
        if not expected:
            return self.unseen("no launch was driven of which the scenario says how it should end")
        occasions = [Evidence(one.entry, f"{one.outcome}: {one.what}") for one in expected]
        faults = [
            Evidence(one.entry, f"{one.outcome}, and not {one.expected}: {one.what}")
            for one in expected
            if one.outcome != one.expected
        ]
        return self.weigh(faults, occasions, "{n} launches ended as they should", "{n} launches ended otherwise")
