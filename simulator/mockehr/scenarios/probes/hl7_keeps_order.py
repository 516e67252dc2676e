"""Ledger G4: what happened first counts first, whatever came first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mockehr.hl7.message import Message
from mockehr.scenarios.hl7_reading import tellings
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class Hl7KeepsOrder(Probe):
    """Does the peer end up with the last state of what messages tell that overtook one another?

    Compared with what the feed told: the visit and the results of each message that was overtaken.
    """

    name: ClassVar[str] = "hl7-keeps-order"
    ledger: ClassVar[tuple[str, ...]] = ("G4",)

    def judge(self, case: Case) -> Finding:
        """Look for records that differ among those that overtaken messages tell of."""
        if case.truth is None or not case.truth.given:
            return self.unseen("The peer's records were not given back.")
        overtaken = [one for one in tellings(case.on("mllp-out")) if one.first.effects and one.first.effects.hold]
        entries = {key: one.first.number for one in overtaken for key in _records(one.clean())}
        if not entries:
            return self.unseen("No message about a visit or a result was overtaken.")
        wrong = [
            (item.key, f" {item.path}: expected {item.expected!r}, got {item.got!r}") for item in case.truth.altered
        ]
        wrong += [(key, " is not there") for key in case.truth.lost]
        faults = [
            Evidence(number, f"{found}{why}")
            for found, why in wrong
            for key, number in entries.items()
            if found == key or found.startswith(f"{key}:")
        ]
        coped = [Evidence(number, f"{key} is as it was told last") for key, number in entries.items()]
        good = "Records told of out of order and right in the end: {n}."
        return self.weigh(faults, coped, good, "Elements that an overtaken message left wrong: {n}.")


def _records(message: Message | None) -> Iterator[str]:
    """`Visit/number` and `Result/filler` that a message is about."""
    visit = message.get("PV1-19.1") if message is not None else ""
    if message is None or not (message.header.kind.startswith(("ADT", "ORU"))):
        return
    if visit and message.header.kind.startswith("ADT"):
        yield f"Visit/{visit}"
    for order in message.all("OBR") if message.header.kind.startswith("ORU") else ():
        yield f"Result/{order.text(3, 1, 1) or order.text(2, 1, 1)}"
