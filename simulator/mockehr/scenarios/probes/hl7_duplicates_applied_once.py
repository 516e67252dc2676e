"""Ledger G3: a message that comes again is acknowledged again, and applied no second time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.hl7_reading import Telling, control_id, shown, tellings
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class Hl7DuplicatesAppliedOnce(Probe):
    """Is a message that was sent more than once applied only once?

    The peer's own records say so: it gives back a Message for each time that it applied one.
    """

    name: ClassVar[str] = "hl7-duplicates-applied-once"
    ledger: ClassVar[tuple[str, ...]] = ("G3",)

    def judge(self, case: Case) -> Finding:
        """Compare what was sent again with what was applied again."""
        if case.truth is None or not case.truth.given:
            return self.unseen("The peer's records were not given back.")
        repeated = {shown(control_id(one.first)): one for one in tellings(case.on("mllp-out")) if _repeated(one)}
        if not repeated:
            return self.unseen("No message came to the peer more than once.")
        times = {one.key.removeprefix("Message/"): one.times for one in case.truth.duplicated}
        faults = [
            Evidence(telling.attempts[-1].number, f"message {own} was applied {times[own]} times")
            for own, telling in repeated.items()
            if own in times
        ]
        coped = [
            Evidence(telling.attempts[-1].number, f"message {own} came more than once and was applied once")
            for own, telling in repeated.items()
        ]
        good = "Messages that came more than once, each applied once: {n}."
        return self.weigh(faults, coped, good, "Messages that were applied more than once: {n}.")


def _repeated(telling: Telling) -> bool:
    copies = sum(1 + (one.effects.copies if one.effects is not None else 0) for one in telling.reached)
    return copies > 1
