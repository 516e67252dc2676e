"""Ledger G2, G3: what may have been taken already is sent again under the id that it had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.hl7_reading import control_id, same_message, severed, shown, unanswered
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class Hl7ResendsWithSameId(Probe):
    """Is a message without an acknowledgement of its own sent again, and with the same MSH-10?

    The site may have applied it. Under another MSH-10 it would be another message, and be applied twice. Of a peer
    that is not back after its connection was cut, nothing is asked here but by `hl7-reconnects-after-cut`.
    """

    name: ClassVar[str] = "hl7-resends-with-same-id"
    ledger: ClassVar[tuple[str, ...]] = ("G2", "G3")

    def judge(self, case: Case) -> Finding:
        """Look for what came after each message that the peer could not know to be taken."""
        messages = case.on("mllp-in")
        faults: list[Evidence] = []
        coped: list[Evidence] = []
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
            elif control_id(again) != own:
                other = shown(control_id(again)) or "nothing"
                faults.append(Evidence(again.number, f"message {shown(own)} was {why} and came again as {other}"))
            else:
                coped.append(Evidence(again.number, f"message {shown(own)}, {why}, came again as itself"))
        if not faults and not coped:
            return self.unseen("Every message of the peer's was acknowledged.")
        good = "Messages sent again under their own id: {n}."
        return self.weigh(faults, coped, good, "Messages not sent again, or under another id: {n}.")
