"""Ledger G2: what was refused is not sent over and over, and does not hold up what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.hl7_reading import control_id, field_of, refused, same_message, shown
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe

PASSING: Final = frozenset({b"206", b"207"})
"""Errors of table 0357 that pass by themselves: a locked record, a system that is down."""


@dataclass(frozen=True, slots=True)
class Hl7ParksRefused(Probe):
    """Is a message that was refused (AE, AR, CE, CR) set aside, and does the peer go on with the others?

    Only what a locked record or a system that is down refused (ERR-3 206 and 207) may come again unchanged, and not
    more than `most` times.
    """

    name: ClassVar[str] = "hl7-parks-refused"
    ledger: ClassVar[tuple[str, ...]] = ("G2",)

    most: int = 3

    def judge(self, case: Case) -> Finding:
        """Count how often each refused message came again."""
        messages = case.on("mllp-in")
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        judged: list[Exchange] = []
        for one in refused(messages):
            if any(same_message(one, other) for other in judged):
                continue
            judged.append(one)
            fault = self._hammered(one, messages)
            told = fault or f"message {shown(control_id(one))} was refused and set aside"
            (faults if fault else coped).append(Evidence(one.number, told))
        if not judged:
            return self.unseen("No message of the peer's was refused.")
        good = "Refused messages that were set aside: {n}."
        return self.weigh(faults, coped, good, "Refused messages that came again and again: {n}.")

    def _hammered(self, message: Exchange, messages: Sequence[Exchange]) -> str:
        again = [one for one in messages if one.number > message.number and same_message(one, message)]
        body = message.reply.body if message.reply is not None else b""
        code = field_of(body, b"ERR", 3).partition(b"^")[0]
        bound = self.most if code in PASSING else 0
        if len(again) <= bound:
            return ""
        return f"message {shown(control_id(message))} was refused and came again {len(again)} times"
