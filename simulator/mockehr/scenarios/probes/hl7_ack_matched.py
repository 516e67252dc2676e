"""Ledger G2: an acknowledgement counts for the message that it names, and for no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.hl7_reading import (
    NEGATIVE,
    POSITIVE,
    Telling,
    control_id,
    field_of,
    over_connections,
    same_message,
    severed,
    shown,
    tellings,
    unanswered,
)
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class Hl7AckMatched(Probe):
    """Does the peer acknowledge each HL7 message under its own id, and send again what was not acknowledged?

    Messages that the site sent must be answered with MSA-2 equal to their MSH-10 and a code of table 0008. A message
    of the peer's whose acknowledgement was lost or named another message must come again; under which MSH-10, asks
    `hl7-resends-with-same-id`, and whether a peer is back after a cut, `hl7-reconnects-after-cut`.
    """

    name: ClassVar[str] = "hl7-ack-matched"
    ledger: ClassVar[tuple[str, ...]] = ("G2",)

    def judge(self, case: Case) -> Finding:
        """Compare the ids of messages and acknowledgements."""
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for telling in tellings(over_connections(case)):
            fault = _answered(telling)
            told = fault or "was acknowledged under its own id"
            (faults if fault else coped).append(Evidence(telling.attempts[-1].number, told))
        _resent(case.on("mllp-in"), faults, coped)
        if not faults and not coped:
            return self.unseen("No message was sent to the peer, and every one of its own was acknowledged.")
        good = "Messages matched with their acknowledgement: {n}."
        return self.weigh(faults, coped, good, "Messages not matched with their acknowledgement: {n}.")


def _answered(telling: Telling) -> str:
    """What is wrong with the peer's answers to a message of ours; empty if nothing."""
    for one in telling.attempts:
        own = control_id(one)
        if one.reply is None or not one.reply.body:
            continue
        code, named = field_of(one.reply.body, b"MSA", 1), field_of(one.reply.body, b"MSA", 2)
        if named != own:
            return f"message {shown(own)} was acknowledged as {shown(named) or 'nothing'}"
        if code not in POSITIVE | NEGATIVE:
            return f"message {shown(own)} was answered with the code {shown(code) or 'nothing'}"
    return "" if telling.code else f"message {shown(control_id(telling.first))} was not acknowledged"


def _resent(messages: Sequence[Exchange], faults: list[Evidence], coped: list[Evidence]) -> None:
    for position, message in enumerate(messages):
        why = unanswered(message)
        if not why:
            continue
        own, later = control_id(message), messages[position + 1 :]
        again = next((one for one in later if control_id(one) == own or same_message(one, message)), None)
        if again is None and not later and severed(message):
            continue
        if again is None:
            faults.append(Evidence(message.number, f"message {shown(own)} was {why} and never sent again"))
        else:
            coped.append(Evidence(again.number, f"message {shown(own)}, {why}, was sent again"))
