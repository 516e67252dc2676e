"""Ledger D3: what a patient wants to be called stands here in one place, three miles away in another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired
from mockehr.sites.truth import Alteration


@dataclass(frozen=True, slots=True)
class FindsPreferredName(Probe):
    """Does the client find the preferred name wherever the site has put it?

    Judged by the records that it gives back: the name must be in them where the truth has it, as
    `Patient.name[use=nickname]`. A record that lacks the name, or has it without saying what it is, fails.
    """

    name: ClassVar[str] = "finds-preferred-name"
    ledger: ClassVar[tuple[str, ...]] = ("D3",)

    def judge(self, case: Case) -> Finding:
        """Look for the names that were moved in what differs from the truth."""
        moved: dict[str, tuple[str, int]] = {}
        for call in case.on("fhir"):
            if fired(call, "preferred-name"):
                moved |= {key: (name, call.number) for key, name in call.notes.get("preferred_names", {}).items()}
        if not moved:
            return self.unseen("No preferred name stood in another place.")
        if case.truth is None:
            return self.unseen(f"{len(moved)} preferred names were moved; the client's records were not given back.")
        missed = {
            item.key: item.path
            for item in (*case.truth.altered, *case.truth.inherited)
            if item.key in moved and _misses(item, moved[item.key][0])
        }
        faults = [
            Evidence(moved[key][1], f"{key} is called {moved[key][0]}, which is not kept as a nickname ({path})")
            for key, path in missed.items()
        ]
        found = [Evidence(entry, f"{key} is called {name}") for key, (name, entry) in moved.items()]
        return self.weigh(faults, found, "Preferred names found: {n}.", "Preferred names missed: {n}.")


def _misses(item: Alteration, called: str) -> bool:
    """Whether the difference is that the nickname, or that it is one, is not there."""
    if not item.path.startswith("name"):
        return False
    expected, got = repr(item.expected), repr(item.got)
    unmarked = "nickname" in expected and "nickname" not in got
    return unmarked or (called in expected and called not in got)
