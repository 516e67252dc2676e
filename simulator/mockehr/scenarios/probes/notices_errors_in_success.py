"""Ledger D11: 200 is said, and an error is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, heard, label


@dataclass(frozen=True, slots=True)
class NoticesErrorsInSuccess(Probe):
    """When an answer of status 200 has an error in its body, does the client ask again?

    Nothing was done, so the same must come once more before the run is over, on FHIR and on a vendor's own API. Never
    asking again is taking the error for success.
    """

    name: ClassVar[str] = "notices-errors-in-success"
    ledger: ClassVar[tuple[str, ...]] = ("D11",)

    def judge(self, case: Case) -> Finding:
        """Look for a later request like each that failed silently."""
        calls = case.on("fhir", "proprietary")
        failed = [call for call in calls if fired(call, "error-inside-success") and heard(call)]
        if not failed:
            return self.unseen("No answer of status 200 had an error inside.")
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for call in failed:
            again = next((other for other in calls if other.number > call.number and _alike(call, other)), None)
            if again is None:
                faults.append(Evidence(call.number, f"{label(call)} failed with 200, and was never asked again"))
            else:
                coped.append(Evidence(again.number, f"{label(call)} of entry {call.number} was asked again"))
        return self.weigh(faults, coped, "Errors inside a success, noticed: {n}.", "Errors taken for success: {n}.")


def _alike(one: Exchange, other: Exchange) -> bool:
    """The same method, path and query; a body may differ, as in its time stamp."""
    return (one.channel, one.method, one.path, one.query) == (other.channel, other.method, other.path, other.query)
