"""Ledger D6: paging that goes round and round."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import heard, label, next_links, on_the_wire, url


@dataclass(frozen=True, slots=True)
class EndsPagingLoops(Probe):
    """When a `next` link leads back to a page that was read already, does the client stop?

    A page may be asked for again a few times, as retries are; more of them are a loop.
    """

    name: ClassVar[str] = "ends-paging-loops"
    ledger: ClassVar[tuple[str, ...]] = ("D6",)

    most: int = 3
    """How often one page may be asked for after a link led back to it."""

    def judge(self, case: Case) -> Finding:
        """Count the requests for pages to which links lead back."""
        asked: Counter[str] = Counter()
        back: dict[str, int] = {}
        again: Counter[str] = Counter()
        for call in case.on("fhir"):
            address = on_the_wire(url(call))
            asked[address] += 1
            if address in back:
                again[address] += 1
            for link in next_links(call) if heard(call) else ():
                if on_the_wire(link) in asked:
                    back.setdefault(on_the_wire(link), call.number)
        if not back:
            return self.unseen("No next link led back.")
        labels = {on_the_wire(url(call)): label(call) for call in case.on("fhir")}
        faults = [
            Evidence(entry, f"{labels[link]} was asked for {again[link]} more times after its link led back")
            for link, entry in back.items()
            if again[link] > self.most
        ]
        ended = [Evidence(entry, f"the link back to {labels[link]} was no loop") for link, entry in back.items()]
        return self.weigh(faults, ended, "Links that led back, and no loop: {n}.", "Loops: {n}.")
