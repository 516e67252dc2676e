"""Ledger D5: an upgrade comes without a word, and not to all sites at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, heard, label, status


@dataclass(frozen=True, slots=True)
class DriftNoticed(Probe):
    """When a site answers as another release from one request to the next, does the client notice?

    Noticing is reading `/metadata` again, or stopping, within a few requests after the first answer in the new shape
    (by the quirk version-drift, or on the first entry after an upgrade of the site). Going on as if nothing had
    happened fails.
    """

    name: ClassVar[str] = "drift-noticed"
    ledger: ClassVar[tuple[str, ...]] = ("D5",)

    grace: int = 5
    """Requests that may be made after the first answer in the new shape."""

    def judge(self, case: Case) -> Finding:
        """Look at what follows the first answer in the new shape."""
        calls = [call for call in case.on("fhir") if call.direction == "in"]
        at = next((place for place, call in enumerate(calls) if _drifted(call)), None)
        if at is None:
            return self.unseen("The site answered as one release throughout.")
        first, later = calls[at], calls[at + 1 :]
        looked = first if first.path == "/metadata" else _looked(later[: self.grace + 1])
        if looked is not None:
            how = f"/metadata was read at entry {looked.number}, after the drift of entry {first.number}"
            return self.verdict("pass", "The drift was noticed.", [Evidence(looked.number, how)])
        if len(later) <= self.grace:
            text = f"{label(first)} was answered in a new shape, and {len(later)} requests followed"
            return self.verdict("pass", "The client stopped.", [Evidence(first.number, text)])
        text = (
            f"{label(first)} was answered in a new shape; {len(later)} requests followed without a look at /metadata"
        )
        return self.verdict("fail", "The drift was not noticed.", [Evidence(first.number, text)])


def _drifted(call: Exchange) -> bool:
    return heard(call) and (fired(call, "version-drift") or bool(call.notes.get("upgraded")))


def _looked(calls: Sequence[Exchange]) -> Exchange | None:
    return next((call for call in calls if call.path == "/metadata" and status(call) == 200 and heard(call)), None)
