"""Ledger D7: a server may search by less than it was asked to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, label


@dataclass(frozen=True, slots=True)
class ChecksWhatWasApplied(Probe):
    """When a server ignores a search parameter, does the client keep what does not match out of its records?

    Judged by the records that it gives back: what the site showed and the truth (of what was to be synchronised) does
    not have. Comparing the `self` link, `Prefer: handling=strict` and filtering oneself are all fine.
    """

    name: ClassVar[str] = "checks-what-was-applied"
    ledger: ClassVar[tuple[str, ...]] = ("D7",)

    def judge(self, case: Case) -> Finding:
        """Look for records that came in by searches that were too wide."""
        calls = case.on("fhir")
        wide = [call for call in calls if fired(call, "ignored-parameter")]
        if not wide:
            return self.unseen("No search parameter was ignored.")
        if case.truth is None:
            return self.unseen(f"{len(wide)} searches were too wide; the client's records were not given back.")
        shown = {key: call.number for call in calls if call.number >= wide[0].number for key in call.returned}
        faults = [
            Evidence(shown[key], f"{key} does not match what was asked for, and is kept")
            for key in case.truth.foreign
            if key in shown
        ]
        kept = [
            Evidence(one.number, f"{label(one)}: {', '.join(one.notes['ignored'])} did not count") for one in wide
        ]
        good = "Searches that were too wide, and nothing of it kept: {n}."
        return self.weigh(faults, kept, good, "Records kept that nobody asked for: {n}.")
