"""Ledger G9: a connection that is gone is made anew, from either side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.hl7_reading import control_id, severed, shown, tellings
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class Hl7ReconnectsAfterCut(Probe):
    """Does the peer connect again after its connection was cut or stands still, and let the site connect again?

    Of its own messages one must come after each cut before an acknowledgement; a message of the site's whose
    connection was cut must be taken when it is sent over the next one.
    """

    name: ClassVar[str] = "hl7-reconnects-after-cut"
    ledger: ClassVar[tuple[str, ...]] = ("G9",)

    def judge(self, case: Case) -> Finding:
        """Look for what came after each cut."""
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        messages = case.on("mllp-in")
        for position, message in enumerate(messages):
            if severed(message):
                alive = position + 1 < len(messages)
                told = "the peer connected again" if alive else "nothing came from the peer afterwards"
                (coped if alive else faults).append(Evidence(message.number, f"its connection was cut: {told}"))
        for telling in tellings(case.on("mllp-out")):
            cut = next((one for one in telling.attempts if severed(one)), None)
            if cut is not None:
                own, taken = shown(control_id(cut)), bool(telling.code)
                told = "was taken over the next one" if taken else "was never taken"
                (coped if taken else faults).append(Evidence(cut.number, f"the connection of message {own}: {told}"))
        if not faults and not coped:
            return self.unseen("No connection was cut.")
        return self.weigh(faults, coped, "Cuts after which it went on: {n}.", "Cuts after which nothing came: {n}.")
