"""Ledger G5, G6, G7, G10: what is odd but can be read is taken, and so is what comes behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.hl7_reading import POSITIVE, Telling, control_id, odd, shown, tellings
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class Hl7SurvivesOddMessages(Probe):
    """Are messages in odd frames, delimiters, charsets, codes and types taken, and those behind them as well?

    A message that lacks what is needed may be refused; the one behind it may not suffer from that.
    """

    name: ClassVar[str] = "hl7-survives-odd-messages"
    ledger: ClassVar[tuple[str, ...]] = ("G5", "G6", "G7", "G10")

    def judge(self, case: Case) -> Finding:
        """Look at the answer to each odd message, and to the next one of its feed."""
        told = tellings(case.on("mllp-out"))
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for position, telling in enumerate(told):
            why = odd(telling)
            if why:
                fault = _suffered(telling, told[position + 1 :])
                text = f"message {shown(control_id(telling.first))} ({', '.join(why)}) {fault or 'was taken'}"
                (faults if fault else coped).append(Evidence(telling.attempts[-1].number, text))
        if not faults and not coped:
            return self.unseen("No odd message was sent to the peer.")
        return self.weigh(faults, coped, "Odd messages taken: {n}.", "Odd messages that broke something: {n}.")


def _suffered(telling: Telling, later: Sequence[Telling]) -> str:
    if not (telling.code in POSITIVE or (telling.code and telling.refusable)):
        return f"was answered with {shown(telling.code) or 'nothing'}"
    behind = next((one for one in later if one.first.path == telling.first.path), None)
    if behind is None or behind.code in POSITIVE or behind.refusable:
        return ""
    return f"was taken, but the one behind it was answered with {shown(behind.code) or 'nothing'}"
