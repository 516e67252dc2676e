"""Ledger C3: nobody waits for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import LEFT
from mockehr.scenarios.network_reading import ASKED, waited
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import label


@dataclass(frozen=True, slots=True)
class BoundedTimeouts(Probe):
    """Does the client give up on an answer that does not come, or does not come to its end, in bounded time?

    The occasion is an answer that never comes (`hangs`), or one that takes longer than `longest`, at once or drop by
    drop. Coped is what the client broke off before that.
    """

    name: ClassVar[str] = "bounded-timeouts"
    ledger: ClassVar[tuple[str, ...]] = ("C3",)

    longest: float = 60.0
    """Site seconds that a client may wait for the end of one answer."""

    def judge(self, case: Case) -> Finding:
        """Measure how long the client waited for what came late or never."""
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for call in case.on(*ASKED):
            span = waited(call)
            hung = call.effects is not None and call.effects.hang
            if span > self.longest:
                faults.append(Evidence(call.number, f"{label(call)} {_told(span)}"))
            elif hung or LEFT in call.notes:
                coped.append(Evidence(call.number, f"{label(call)} was given up after {span:.3g} s"))
        if not faults and not coped:
            return self.unseen("No answer was so late that a client should have given up.")
        return self.weigh(
            faults, coped, "Answers that were given up in time: {n}.", "Answers waited for too long: {n}."
        )


def _told(span: float) -> str:
    return "was still waited for in the end" if span == float("inf") else f"was waited for {span:.3g} s"
