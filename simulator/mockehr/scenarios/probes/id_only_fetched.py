"""Ledger F5: what an event only names is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.event_reading import deletes, events, shown_after, taken, told
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class IdOnlyFetched(Probe):
    """Is a resource that an event names without carrying it asked for after that?

    Empty notifications count, too: what they are about has to be found by a search. What was deleted cannot be asked
    for.
    """

    name: ClassVar[str] = "id-only-fetched"
    ledger: ClassVar[tuple[str, ...]] = ("F5",)

    def judge(self, case: Case) -> Finding:
        """Look for an answer with the resource behind each event that was taken without it."""
        first: dict[tuple[str, int, str], Exchange] = {}
        came: dict[tuple[str, int, str], bool] = {}
        for endpoint, number, key, delivery in events(told(case)):
            first.setdefault((endpoint, number, key), delivery)
            if taken(delivery) and delivery.notes.get("payload") != "full" and not deletes(delivery):
                came[endpoint, number, key] = True
        if not came:
            return self.unseen("No event came without its resource.")
        faults, coped = [], []
        for (endpoint, number, key), delivery in first.items():
            if (endpoint, number, key) not in came:
                continue
            # drawn up at the commit: whatever was answered after that shows what the event is about
            found = shown_after(case, delivery.number, key)
            if found:
                coped.append(Evidence(found, f"{key} was fetched after the event of entry {delivery.number}"))
            else:
                faults.append(Evidence(delivery.number, f"{key} was never asked for after this event"))
        good = "Events without their resource, which was fetched each time: {n}."
        return self.weigh(faults, coped, good, "Events whose resource nobody fetched: {n}.")
