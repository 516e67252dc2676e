"""Ledger D12: calls through a platform cost money."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import label

BUDGET: Final = "calls per patient"
"""Under which name `Case.expected` may have another budget than the probe's."""


@dataclass(frozen=True, slots=True)
class CountsCalls(Probe):
    """Does the client stay within its budget of calls for each patient, where a platform stands in front of the site?

    Every transaction that the platform passes on counts, repeats included; patients are those whose records were sent
    back. What was asked for most often is shown.
    """

    name: ClassVar[str] = "counts-calls"
    ledger: ClassVar[tuple[str, ...]] = ("D12",)

    most: float = 40.0
    """Calls for each patient, on the average; a scenario may expect another number as `calls per patient`."""

    def judge(self, case: Case) -> Finding:
        """Divide the calls by the patients."""
        calls = [call for call in case.on("fhir", "proprietary") if call.notes.get("behind")]
        if not calls:
            return self.unseen("No call was passed on by a platform.")
        patients = {key for call in calls for key in call.returned if key.startswith("Patient/")}
        most = float(case.expected.get(BUDGET, self.most))
        each = len(calls) / max(1, len(patients))
        counted = Counter(label(call) for call in calls)
        first = {label(call): call.number for call in reversed(calls)}
        shown = [Evidence(first[what], f"{what}: {times} times") for what, times in counted.most_common(5)]
        told = f"{len(calls)} calls for {max(1, len(patients))} patients: {each:.3g} each, {most:g} are allowed."
        return self.verdict("fail" if each > most else "pass", told, shown)
