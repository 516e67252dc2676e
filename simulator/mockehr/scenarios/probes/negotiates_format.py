"""Ledger D8: a client says in which form it wants its answers, and reads the form that comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, heard, label, same_request, status

_NAMED: Final = ("json", "xml")


@dataclass(frozen=True, slots=True)
class NegotiatesFormat(Probe):
    """Does the client name its form in `Accept` or `_format`, and get along with the form that comes?

    It fails if it was answered in another form because it named none, if it asks for the same again and again
    although it was answered, and if records that came so are missing from those that it gives back.
    """

    name: ClassVar[str] = "negotiates-format"
    ledger: ClassVar[tuple[str, ...]] = ("D8",)

    most: int = 2
    """How often an answered request may be made again."""

    def judge(self, case: Case) -> Finding:
        """Look at every answer that came in another form, and at requests that avoided it."""
        calls = [call for call in case.on("fhir") if call.direction == "in"]
        tried = [call for call in calls if any(decision.quirk == "other-format" for decision in call.decisions)]
        odd = [call for call in tried if fired(call, "other-format") and heard(call)]
        if not tried:
            return self.unseen("Every answer came in the usual form.")
        lost = set(case.truth.lost) if case.truth is not None else set()
        faults = [fault for call in odd for fault in self._faults(call, calls, lost)]
        coped = [Evidence(call.number, f"{label(call)} was answered in another form") for call in odd]
        coped = coped or [Evidence(call.number, f"{label(call)} names its form") for call in tried if _names(call)]
        if not faults and not coped:
            return self.unseen("No answer came in another form.")
        return self.weigh(faults, coped, "Requests that got along: {n}.", "Requests that did not: {n}.")

    def _faults(self, call: Exchange, calls: Sequence[Exchange], lost: set[str]) -> list[Evidence]:
        found = []
        if not _names(call):
            found.append(Evidence(call.number, f"{label(call)} names no form"))
        again = sum(1 for other in calls if other.number > call.number and same_request(other, call))
        if status(call) == 200 and call.method == "GET" and again > self.most:
            found.append(Evidence(call.number, f"{label(call)} was answered, and asked for {again} more times"))
        gone = sorted(lost.intersection(call.returned))
        if gone:
            found.append(
                Evidence(call.number, f"{label(call)} showed {', '.join(gone[:3])}, and the client lacks it")
            )
        return found


def _names(call: Exchange) -> bool:
    asked = f"{call.headers.get('accept', '')} {call.query}".lower()
    return any(name in asked for name in _NAMED)
