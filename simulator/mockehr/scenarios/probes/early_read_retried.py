"""Ledger F3: what cannot be read yet is asked for again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.event_reading import events, shown_after, told
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired


@dataclass(frozen=True, slots=True)
class EarlyReadRetried(Probe):
    """Where an event came before its resource could be read, does the client ask again until it can?"""

    name: ClassVar[str] = "early-read-retried"
    ledger: ClassVar[tuple[str, ...]] = ("F3",)

    def judge(self, case: Case) -> Finding:
        """Look for a later answer that has what was not seen."""
        known = {key for _, _, key, _ in events(told(case))}
        asked: dict[str, int] = {}
        for one in case.on("fhir"):
            if fired(one, "early-delivery") and one.interaction is not None and one.interaction.name == "read":
                asked |= {key: one.number for key in one.notes.get("unseen", ()) if key in known}
        if not asked:
            return self.unseen("Every resource could be read when its event came.")
        faults, coped = [], []
        for key, number in asked.items():
            found = shown_after(case, number, key)
            if found:
                coped.append(Evidence(found, f"{key} was asked for again and was there"))
            else:
                faults.append(Evidence(number, f"{key} could not be read yet, and was not asked for again"))
        good = "Resources that came after their events, each of them found: {n}."
        return self.weigh(faults, coped, good, "Resources that were given up too early: {n}.")
