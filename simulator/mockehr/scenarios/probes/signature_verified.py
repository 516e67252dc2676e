"""Ledger F4: only what was signed by the site is believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.event_reading import REFUSALS, events, sent, told
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, status


@dataclass(frozen=True, slots=True)
class SignatureVerified(Probe):
    """Does the receiver refuse deliveries whose signature does not hold (400, 401 or 403), and take the others?

    What they said must not be found among its records.
    """

    name: ClassVar[str] = "signature-verified"
    ledger: ClassVar[tuple[str, ...]] = ("F4",)

    def judge(self, case: Case) -> Finding:
        """Read the answers to good and bad deliveries."""
        bad = [one for one in sent(case) if fired(one, "bad-signature")]
        if not bad:
            return self.unseen("Every delivery was signed as agreed.")
        rotated: dict[str, int] = {}
        for one in told(case):
            if fired(one, "rotated-secret"):
                rotated.setdefault(one.peer, one.number)
        good = [one for one in sent(case) if one not in bad and one.number < rotated.get(one.peer, one.number + 1)]
        faults = [Evidence(one.number, f"{_bad(one)} was answered {status(one)}") for one in bad if _believed(one)]
        faults += [
            Evidence(one.number, f"a delivery that was signed well was refused with {status(one)}")
            for one in good
            if status(one) in REFUSALS
        ]
        named = {key for _, _, key, _ in events(told(case))}
        foreign = [key for key in case.truth.foreign if key not in named] if case.truth is not None else []
        faults += [Evidence(0, f"{key} was believed, which only a forged delivery names") for key in foreign]
        coped = [Evidence(one.number, f"{_bad(one)} was refused with {status(one)}") for one in bad]
        passed = "Deliveries with a signature that does not hold, all refused: {n}."
        return self.weigh(faults, coped, passed, "Signatures that were not verified, or not rightly: {n}.")


def _believed(one: Exchange) -> bool:
    return status(one) not in REFUSALS


def _bad(one: Exchange) -> str:
    return f"a badly signed delivery to {one.peer}"
