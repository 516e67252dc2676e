"""Ledger C4: a system that is down is left in peace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.network_reading import ASKED, rows, stood_still
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import label, status


@dataclass(frozen=True, slots=True)
class BacksOffInOutage(Probe):
    """While nothing works, do the client's attempts thin out, over all that it has to ask?

    An outage is a row of at least `least` requests, one after the other, of which none got a usable answer (5xx, a
    page, cut, refused, never answered). In every stretch of it `burst` attempts are free, and one more for each
    `every` seconds: a client that backs off for one request and begins anew with the next does not keep to that, a
    circuit breaker does. Measured on the site's clock, so the clock must run.
    """

    name: ClassVar[str] = "backs-off-in-outage"
    ledger: ClassVar[tuple[str, ...]] = ("C2", "C3", "C4")

    least: int = 4
    burst: int = 6
    every: float = 5.0

    def judge(self, case: Case) -> Finding:
        """Hold every row of failures against what was free."""
        outages = [row for row in rows(case.on(*ASKED)) if len(row) >= self.least]
        if not outages:
            return self.unseen(f"There was no outage: never {self.least} requests in a row that came to nothing.")
        if stood_still(case):
            return self.unseen("The site's clock stood still, so no pause could be measured; let it run.")
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for row in outages:
            fault = self._besieged(row)
            span = row[-1].at - row[0].at
            text = f"{len(row)} attempts in {span:.3g} s of outage, from entry {row[0].number} on"
            (faults if fault else coped).append(fault or Evidence(row[-1].number, text))
        return self.weigh(faults, coped, "Outages that were waited out: {n}.", "Outages that were besieged: {n}.")

    def _besieged(self, row: Sequence[Exchange]) -> Evidence | None:
        """The first attempt that was one too many, counted from wherever the stretch is worst."""
        lowest, start = float("inf"), row[0]
        for position, call in enumerate(row):
            score = position - call.at / self.every
            if score < lowest:
                lowest, start = score, call
            if score - lowest + 1 > self.burst:
                count, span = position - row.index(start) + 1, call.at - start.at
                text = f"{label(call)} ({status(call)}) was attempt {count} within {span:.3g} s, and nothing worked"
                return Evidence(call.number, text)
        return None
