"""Ledger A13: a registration that is not in force yet is waited for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import reason, token_given
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class WaitsForActivation(Probe):
    """When the site knows the client and has not let it in yet, does the client wait?

    Registrations may take hours to come into force. It fails if it asks more than a few times an hour, on the site's
    clock. Coming back later is fine, and so is stopping.
    """

    name: ClassVar[str] = "waits-for-activation"
    ledger: ClassVar[tuple[str, ...]] = ("A13",)

    attempts: int = 6
    """How many refusals within `within` are still no hammering."""
    within: float = 3600.0
    """Site seconds."""

    def judge(self, case: Case) -> Finding:
        """Count the refusals of every hour."""
        asked = case.on("token", "authorize")
        refused = [exchange for exchange in asked if reason(exchange) == "client-inactive"]
        if not refused:
            return self.unseen("The client was active from the start.")
        worst = max((self._row(refused[position:]) for position in range(len(refused))), key=len)
        faults = []
        if len(worst) > self.attempts:
            span = worst[-1].at - worst[0].at
            text = f"{len(worst)} requests within {span:.0f} s, though the client is not active yet"
            faults.append(Evidence(worst[-1].number, text))
        in_force = next((one.number for one in asked if one.number > refused[-1].number and token_given(one)), 0)
        after = f"in force by entry {in_force}" if in_force else "the client did not come back"
        coped = [Evidence(exchange.number, f"not active yet; {after}") for exchange in refused]
        good = "Refusals for want of activation that were waited out: {n}."
        return self.weigh(
            faults, coped, good, "Times that the client hammered at a site that has yet to let it in: {n}."
        )

    def _row(self, refused: Sequence[Exchange]) -> list[Exchange]:
        return [exchange for exchange in refused if exchange.at - refused[0].at <= self.within]
