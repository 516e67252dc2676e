"""Ledger G8: after a merge there is one person, and everything of both belongs to that one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.hl7_reading import tellings
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class Hl7MergesFollowed(Probe):
    """Are persons whom a merge made one (A40, A34, A18) one in the peer's records, with all that was theirs?

    Compared with what the feed told.
    """

    name: ClassVar[str] = "hl7-merges-followed"
    ledger: ClassVar[tuple[str, ...]] = ("G8",)

    def judge(self, case: Case) -> Finding:
        """Look for persons who are still two, and for records that still belong to the one who is gone."""
        if case.truth is None or not case.truth.given:
            return self.unseen("The peer's records were not given back.")
        merges = [(one.first.number, message) for one in tellings(case.on("mllp-out")) if (message := one.clean())]
        told = [(number, message) for number, message in merges if message.segment("MRG") is not None]
        if not told:
            return self.unseen("No merge was told.")
        gone = {message.get("MRG-1.1"): number for number, message in told}
        faults = [Evidence(next(iter(gone.values())), one.why) for one in case.truth.unmerged]
        faults += [
            Evidence(gone[str(item.got)], f"{item.key} still belongs to {item.got}")
            for item in case.truth.altered
            if item.path == "person" and item.got in gone
        ]
        coped = [Evidence(n, f"{one.get('MRG-1.1')} is {one.get('PID-3.1')} now") for n, one in told]
        return self.weigh(
            faults, coped, "Merges followed: {n}.", "Persons and records that a merge left behind: {n}."
        )
