"""Ledger C3: requests do not pile up before a site that is slow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.network_reading import ASKED, stood_still, waited
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import label, same_request


@dataclass(frozen=True, slots=True)
class NoPileUp(Probe):
    """While a site is slow or does not answer, does the client keep few requests in flight, and none of them twice?

    The occasion is a request that took at least `slow` seconds. A request is in flight from its arrival until its
    answer was due, or until the client closed the connection; measured on the site's clock, so the clock must run.
    """

    name: ClassVar[str] = "no-pile-up"
    ledger: ClassVar[tuple[str, ...]] = ("C3",)

    most: int = 8
    """How many slow requests may be in flight at once."""
    slow: float = 1.0
    """Site seconds from which on a request counts as slow."""
    tolerance: float = 0.5
    """Site seconds by which a repetition may come before the site knows that the client left."""

    def judge(self, case: Case) -> Finding:
        """Count what was in flight whenever a slow request came."""
        slow = [call for call in case.on(*ASKED) if waited(call) >= self.slow]
        if not slow:
            return self.unseen(f"No request took {self.slow:g} s or more.")
        if stood_still(case):
            return self.unseen("The site's clock stood still, so nothing was in flight at once; let it run.")
        faults = [*self._piled(slow), *self._repeated(slow)]
        coped = [Evidence(call.number, f"{label(call)} was in flight for {waited(call):.3g} s") for call in slow]
        bad = "Requests that were sent on top of those still in flight: {n}."
        return self.weigh(
            sorted(faults, key=lambda item: item.entry), coped, "Slow requests, never too many: {n}.", bad
        )

    def _piled(self, slow: Sequence[Exchange]) -> Iterator[Evidence]:
        for position, call in enumerate(slow):
            flying = sum(1 for other in slow[:position] if other.at + waited(other) > call.at)
            if flying >= self.most:
                yield Evidence(call.number, f"{label(call)} was number {flying + 1} in flight")

    def _repeated(self, slow: Sequence[Exchange]) -> Iterator[Evidence]:
        for position, call in enumerate(slow):
            for other in slow[:position]:
                if same_request(other, call) and other.at + waited(other) > call.at + self.tolerance:
                    yield Evidence(
                        call.number, f"{label(call)} was sent while that of entry {other.number} still ran"
                    )
                    break
