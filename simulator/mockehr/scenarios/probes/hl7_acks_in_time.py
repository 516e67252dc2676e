"""Ledger G2, G9: acknowledgements come before the sender stops waiting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.hl7_reading import control_id, fired_on, over_connections, shown, tellings
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe

EXCUSES: Final = ("broken-frame", "slow-link", "link-cut")
"""Quirks that take the time themselves: a frame without an end has to be waited for."""


@dataclass(frozen=True, slots=True)
class Hl7AcksInTime(Probe):
    """Is every message that reaches the peer acknowledged before the site has waited too long for it?

    How long that is, the feed says (`timeout`).
    """

    name: ClassVar[str] = "hl7-acks-in-time"
    ledger: ClassVar[tuple[str, ...]] = ("G2", "G9")

    def judge(self, case: Case) -> Finding:
        """Look for attempts that ended in a time-out."""
        attempts = [one for telling in tellings(over_connections(case)) for one in telling.reached]
        whole = [one for one in attempts if not any(name in EXCUSES for name in fired_on(one))]
        faults = [Evidence(one.number, f"{_late(one)}") for one in whole if _late(one)]
        coped = [Evidence(one.number, f"message {shown(control_id(one))} was answered") for one in whole]
        if not coped:
            return self.unseen("No message reached the peer undisturbed.")
        good = "Messages answered in time: {n}."
        return self.weigh(faults, coped, good, "Messages not answered in time: {n}.")


def _late(one: Exchange) -> str:
    failure = str(one.notes.get("failure", ""))
    answered = one.reply is not None and one.reply.body  # with something else: see hl7-ack-matched
    return failure if failure.startswith("no acknowledgement") and not answered else ""
