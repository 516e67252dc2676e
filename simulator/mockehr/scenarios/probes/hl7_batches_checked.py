"""Ledger G11: a file of messages that does not hold what it says is set aside before anything of it is applied."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.sites.exceptions import Parked

PARKED: Final = "parked"
"""Under which name `Case.expected` has what the client set aside, as a sequence of Parked."""
BROKEN: Final = frozenset({"count-high", "count-low", "file-count", "truncated", "empty"})
"""Forms of a batch whose headers, trailers and messages do not agree."""


@dataclass(frozen=True, slots=True)
class Hl7BatchesChecked(Probe):
    """Does the client compare the counts of a batch file with its messages, and set aside one that does not agree?

    It says so in `<site>.parked.ndjson`: `{"messageId": FILE, "type": "parse"}`, with the name of the file. It fails
    for a broken file that it took, and for a sound one that it set aside. Files that come twice or repeat a message
    are for hl7-duplicates-applied-once.
    """

    name: ClassVar[str] = "hl7-batches-checked"
    ledger: ClassVar[tuple[str, ...]] = ("G11",)

    def judge(self, case: Case) -> Finding:
        """Go through the files that were laid for the client."""
        parked: Sequence[Parked] = case.expected.get(PARKED, ())
        aside = {one.key.removeprefix("Message/") for one in parked}
        files = {str(call.notes["file"]): call for call in case.on("mllp-out") if "file" in call.notes}
        broken = {file: form for call in case.on("mllp-out") for file, form in _broken(call)}
        if not broken:
            return self.unseen("No broken batch was laid for the client.")
        faults = [
            Evidence(files[file].number, f"{file} ({form}) was not set aside")
            for file, form in broken.items()
            if file not in aside
        ]
        faults += [
            Evidence(files[file].number, f"{file} is sound") for file in _sound(files, broken) if file in aside
        ]
        coped = [Evidence(files[file].number, f"{file} ({form}) was set aside") for file, form in broken.items()]
        return self.weigh(faults, coped, "Broken batches that were set aside: {n}.", "Faults with batches: {n}.")


def _broken(call: Exchange) -> Iterator[tuple[str, str]]:
    """The file that an exchange went into and what is wrong with it, told by the decision on its first message."""
    for decision in call.decisions:
        if decision.quirk == "odd-batch" and decision.outcome == "fired" and decision.why in BROKEN:
            yield str(call.notes.get("file", "")), decision.why


def _sound(files: Collection[str], broken: Collection[str]) -> list[str]:
    return [file for file in files if file not in broken]
