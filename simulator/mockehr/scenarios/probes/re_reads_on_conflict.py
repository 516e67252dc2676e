"""Ledger D9: somebody else changed what one is about to write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import heard, label, status

_ONE: Final = re.compile(r"/[A-Z][A-Za-z]+/[A-Za-z0-9\-.]+")


@dataclass(frozen=True, slots=True)
class ReReadsOnConflict(Probe):
    """When an update meets another's change (409, 412, 428), does the client read again, put its change onto what is
    there now, and send that with its `If-Match`?

    It fails if it overwrites the other's change, sends the same again without reading, or without `If-Match`. Giving
    up is fine.
    """

    name: ClassVar[str] = "re-reads-on-conflict"
    ledger: ClassVar[tuple[str, ...]] = ("D9",)

    def judge(self, case: Case) -> Finding:
        """Follow up every update that met a conflict."""
        calls = case.on("fhir")
        met = [call for call in calls if call.method in ("PUT", "PATCH") and _ONE.fullmatch(call.path) and _met(call)]
        if not met:
            return self.unseen("No update met another's change.")
        faults = [fault for call in met for fault in _faults(call, calls)]
        coped = [Evidence(call.number, f"{label(call)} met another's change, which is still there") for call in met]
        return self.weigh(faults, coped, "Conflicts that were resolved: {n}.", "Updates that did not look: {n}.")


def _met(call: Exchange) -> bool:
    return bool(call.notes.get("written_between")) or (status(call) in (409, 412, 428) and heard(call))


def _faults(call: Exchange, calls: Sequence[Exchange]) -> Iterator[Evidence]:
    mark = str(call.notes.get("written_between", "")).encode()
    if call.changes and call.method == "PUT" and mark and mark not in call.body:
        yield Evidence(call.number, f"{label(call)} overwrote the change of {mark.decode()}, for want of If-Match")
        return
    later = [other for other in calls if other.number > call.number and other.path == call.path]
    place = next((at for at, other in enumerate(later) if other.method in ("PUT", "PATCH")), None)
    if place is None:
        return
    again = later[place]
    read = any(other.method == "GET" and status(other) == 200 and heard(other) for other in later[:place])
    if not read:
        yield Evidence(again.number, f"{label(again)} was sent again after entry {call.number} without reading")
    elif not again.headers.get("if-match"):
        yield Evidence(again.number, f"{label(again)} was sent again without If-Match")
    elif again.method == "PUT" and mark and mark not in again.body:
        yield Evidence(again.number, f"{label(again)} drops the change of {mark.decode()}")
