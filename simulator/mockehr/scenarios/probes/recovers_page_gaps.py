"""Ledger D6: records fall between two pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, heard


@dataclass(frozen=True, slots=True)
class RecoversPageGaps(Probe):
    """When a record falls between two pages of a search, does the client get it after all?

    By the total, by an overlap, or by searching again: how does not matter. Judged by the records that it gives
    back, or else by whether the site showed it the record later.
    """

    name: ClassVar[str] = "recovers-page-gaps"
    ledger: ClassVar[tuple[str, ...]] = ("D6",)

    def judge(self, case: Case) -> Finding:
        """Follow up every record that was left out."""
        missing: dict[str, int] = {}
        shown: dict[str, int] = {}
        for call in case.on("fhir"):
            if fired(call, "page-gaps"):
                missing |= dict.fromkeys(call.notes.get("left_out", ()), call.number)
            if heard(call):
                shown |= dict.fromkeys(call.returned, call.number)
        if not missing:
            return self.unseen("No record fell between two pages.")
        lost = set(case.truth.lost) if case.truth is not None else set()
        faults: list[Evidence] = []
        found: list[Evidence] = []
        for key, entry in missing.items():
            if key in lost or (case.truth is None and shown.get(key, 0) < entry):
                faults.append(Evidence(entry, f"{key} fell between two pages and is lost"))
            else:
                found.append(Evidence(entry, f"{key} fell between two pages and is there"))
        return self.weigh(
            faults, found, "Records between two pages, found: {n}.", "Records between pages, lost: {n}."
        )
