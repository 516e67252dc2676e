"""Ledger D10: what is missing from a partial answer is not gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, heard, label


@dataclass(frozen=True, slots=True)
class MarksPartial(Probe):
    """When a searchset says that it is incomplete, does the client take it for no more than that?

    It fails if a record that was shown at another time is missing from those that it gives back (the gap was taken
    for a deletion), and if a record that was never shown is missing and the search was not made again (the part was
    taken for the whole).
    """

    name: ClassVar[str] = "marks-partial"
    ledger: ClassVar[tuple[str, ...]] = ("D10",)

    def judge(self, case: Case) -> Finding:
        """Follow up what partial answers lacked."""
        calls = case.on("fhir")
        partial = [call for call in calls if fired(call, "partial-bundle") and heard(call)]
        if not partial:
            return self.unseen("No searchset was partial.")
        if case.truth is None:
            return self.unseen(f"{len(partial)} searchsets were partial; the client's records were not given back.")
        shown = {key for call in calls if heard(call) for key in call.returned}
        lost = set(case.truth.lost)
        faults: list[Evidence] = []
        for call in partial:
            for key in call.notes.get("left_out", ()):
                if key in lost and key in shown:
                    faults.append(Evidence(call.number, f"{key} was not in this part, and is taken for deleted"))
                elif key in lost and not any(_again(call, other) for other in calls):
                    faults.append(Evidence(call.number, f"{key} was not in this part, and never asked for again"))
        coped = [Evidence(call.number, f"{label(call)} was answered in part") for call in partial]
        return self.weigh(
            faults, coped, "Partial answers taken as such: {n}.", "Records lost to partial answers: {n}."
        )


def _again(call: Exchange, other: Exchange) -> bool:
    return other.number > call.number and (other.path, other.query) == (call.path, call.query)
