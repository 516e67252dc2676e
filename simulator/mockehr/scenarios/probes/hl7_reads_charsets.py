"""Ledger G6: names survive a charset that is declared wrongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.hl7_reading import control_id, shown, tellings
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class Hl7ReadsCharsets(Probe):
    """Does text survive when MSH-18 says nothing, or not what the octets are?

    Compared with what the feed told; a difference counts here if decoding explains it.
    """

    name: ClassVar[str] = "hl7-reads-charsets"
    ledger: ClassVar[tuple[str, ...]] = ("G6",)

    def judge(self, case: Case) -> Finding:
        """Look for texts that were decoded wrongly."""
        if case.truth is None or not case.truth.given:
            return self.unseen("The peer's records were not given back.")
        odd = [
            one for one in tellings(case.on("mllp-out"))
            if "wrong-charset" in one.quirks and not one.first.body.isascii()
        ]  # fmt: skip
        if not odd:
            return self.unseen("No message with other characters than ASCII came in a wrong charset.")
        faults = [
            Evidence(odd[0].first.number, f"{item.key} {item.path}: expected {item.expected!r}, got {item.got!r}")
            for item in case.truth.misdecoded
        ]
        coped = [Evidence(one.first.number, f"message {shown(control_id(one.first))} was read") for one in odd]
        return self.weigh(faults, coped, "Messages in a wrong charset, all read: {n}.", "Texts read wrongly: {n}.")
