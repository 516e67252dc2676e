"""Ledger G2: what was sent is acknowledged in the end, and positively unless something really is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.hl7_reading import POSITIVE, control_id, odd, over_connections, shown, tellings
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class Hl7EveryMessageAcknowledged(Probe):
    """Is every message of the site's feeds acknowledged in the end, and with AA or CA?

    A refusal is right only for a message that lacks what is needed, or that merges somebody into himself. Who
    refuses what is merely odd fails `hl7-survives-odd-messages`.
    """

    name: ClassVar[str] = "hl7-every-message-acknowledged"
    ledger: ClassVar[tuple[str, ...]] = ("G1", "G2")

    def judge(self, case: Case) -> Finding:
        """Look at the last answer to each message."""
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for telling in tellings(over_connections(case)):
            own, last, code = shown(control_id(telling.first)), telling.attempts[-1].number, telling.code
            if code in POSITIVE or (code and telling.refusable):
                coped.append(Evidence(last, f"message {own} was acknowledged with {shown(code)}"))
            elif code and odd(telling):
                continue
            elif code:
                faults.append(Evidence(last, f"message {own} was refused with {shown(code)}"))
            else:
                tries = len(telling.attempts)
                faults.append(Evidence(last, f"message {own} was never acknowledged; attempts: {tries}"))
        if not faults and not coped:
            return self.unseen("No message was sent to the peer.")
        good = "Messages sent, all acknowledged: {n}."
        return self.weigh(faults, coped, good, "Messages refused or never acknowledged: {n}.")
