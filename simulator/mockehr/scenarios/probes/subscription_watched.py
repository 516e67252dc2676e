"""Ledger F6, F7: a subscription that the server ends is noticed, and begun again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, status


@dataclass(frozen=True, slots=True)
class SubscriptionWatched(Probe):
    """After the server switched a subscription off, or never sent its handshake, does the client have it told again?

    Seen by what reaches the endpoint later: an event, or the handshake of the activation.
    """

    name: ClassVar[str] = "subscription-watched"
    ledger: ClassVar[tuple[str, ...]] = ("F6", "F7")

    def judge(self, case: Case) -> Finding:
        """Look for deliveries after each end."""
        ended = [one for one in case.on("webhook") if fired(one, "subscription-off", "handshake-missing")]
        ends = {one.peer: one.number for one in ended}
        if not ends:
            return self.unseen("Every subscription began, and none was switched off.")
        reached = [one for one in case.on("webhook") if status(one) and "replayed" not in one.notes]
        later = {one.peer: one.number for one in reached if one.number > ends.get(one.peer, one.number)}
        faults = [
            Evidence(number, f"{peer} is told nothing since this")
            for peer, number in ends.items()
            if peer not in later
        ]
        coped = [Evidence(later[peer], f"{peer} is told again") for peer in ends if peer in later]
        good = "Subscriptions that were ended by the server and begun again: {n}."
        return self.weigh(faults, coped, good, "Subscriptions that were ended for good: {n}.")
