"""Ledger D7: an OperationOutcome among the matches is no match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import answer, heard, label, status

_TYPE: Final = "OperationOutcome"


@dataclass(frozen=True, slots=True)
class OutcomeNotStored(Probe):
    """When a searchset has an OperationOutcome among its entries, is it kept out of the client's records?"""

    name: ClassVar[str] = "outcome-not-stored"
    ledger: ClassVar[tuple[str, ...]] = ("D7",)

    def judge(self, case: Case) -> Finding:
        """Look for OperationOutcomes in the client's records."""
        seen = [call for call in case.on("fhir") if status(call) == 200 and heard(call) and _told(call)]
        if not seen:
            return self.unseen("No searchset had an OperationOutcome among its entries.")
        if case.truth is None:
            return self.unseen(f"{len(seen)} searchsets had an outcome; the client's records were not given back.")
        stored = [key for key in case.truth.foreign if key.partition("/")[0] == _TYPE]
        faults = [Evidence(seen[0].number, f"{key} is kept as a record") for key in stored]
        read = [Evidence(call.number, f"{label(call)} had an outcome among its entries") for call in seen]
        return self.weigh(faults, read, "Searchsets with an outcome, none stored: {n}.", "Outcomes stored: {n}.")


def _told(call: Exchange) -> bool:
    entries = (answer(call) or {}).get("entry")
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == _TYPE:
            return True
    return False
