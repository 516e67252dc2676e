"""Ledger C3, C5, C7, C8: what broke on its way is read again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.network_reading import SPOILING, followed_up
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, heard, label, status

_READS: Final = ("fhir", "discovery", "files", "feed", "proprietary")


@dataclass(frozen=True, slots=True)
class RepeatsBrokenReads(Probe):
    """When the answer to a read is cut, lost, reset, never comes or cannot be unpacked or parsed, does the client ask
    again?

    Reads may always be repeated. A search may be begun again from its first page. To leave a site alone after some
    failures in a row is fine.
    """

    name: ClassVar[str] = "repeats-broken-reads"
    ledger: ClassVar[tuple[str, ...]] = ("C3", "C5", "C7", "C8")

    def judge(self, case: Case) -> Finding:
        """Look for the request again after every broken answer."""
        calls = case.on(*_READS)
        broken = [call for call in calls if call.method in ("GET", "HEAD") and _broken(call)]
        if not broken:
            return self.unseen("No answer to a read broke on its way.")
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for call in broken:
            how = followed_up(call, calls)
            text = f"{label(call)} broke on its way and {how or 'was never asked again'}"
            (coped if how else faults).append(Evidence(call.number, text))
        return self.weigh(
            faults, coped, "Broken reads that were repeated: {n}.", "Broken reads, given up at once: {n}."
        )


def _broken(call: Exchange) -> bool:
    return not heard(call) or (status(call) < 300 and fired(call, *SPOILING))
