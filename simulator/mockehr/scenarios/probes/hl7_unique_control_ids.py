"""Ledger G3: a control id tells one message from all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.hl7_reading import control_id, same_message, shown
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class Hl7UniqueControlIds(Probe):
    """Has each of the peer's own messages an MSH-10 that no other one has?

    The same message sent again keeps its own.
    """

    name: ClassVar[str] = "hl7-unique-control-ids"
    ledger: ClassVar[tuple[str, ...]] = ("G3",)

    def judge(self, case: Case) -> Finding:
        """Look for ids of two messages."""
        messages = case.on("mllp-in")
        known: dict[bytes, Exchange] = {}
        faults: list[Evidence] = []
        for message in messages:
            own = control_id(message)
            first = known.setdefault(own, message)
            if not own:
                faults.append(Evidence(message.number, "the message has no MSH-10"))
            elif not same_message(first, message):
                text = f"MSH-10 {shown(own)} is also that of entry {first.number}, which is another message"
                faults.append(Evidence(message.number, text))
        if len(known) < 2 and not faults:
            return self.unseen("The peer sent fewer than two messages of its own.")
        coped = [Evidence(message.number, f"MSH-10 {shown(own)}") for own, message in known.items()]
        return self.weigh(faults, coped, "Messages with an id of their own: {n}.", "Messages without one: {n}.")
