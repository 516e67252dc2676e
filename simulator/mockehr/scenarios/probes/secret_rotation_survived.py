"""Ledger F4: a secret that changes without notice is noticed, and found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.event_reading import sent, taken, told
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired


@dataclass(frozen=True, slots=True)
class SecretRotationSurvived(Probe):
    """After the site began to sign with another secret, does the receiver take deliveries again?"""

    name: ClassVar[str] = "secret-rotation-survived"
    ledger: ClassVar[tuple[str, ...]] = ("F4",)

    def judge(self, case: Case) -> Finding:
        """Look for deliveries that were taken after each rotation."""
        rotations = [one for one in told(case) if fired(one, "rotated-secret")]
        faults, coped = [], []
        for rotation in rotations:
            later = [one for one in sent(case) if one.peer == rotation.peer and one.number >= rotation.number]
            again = next((one for one in reversed(later) if taken(one) and not fired(one, "bad-signature")), None)
            if again is not None:
                coped.append(Evidence(again.number, f"{rotation.peer} takes what the new secret signs"))
            elif later:
                text = f"{rotation.peer} took none of {len(later)} deliveries since its secret changed"
                faults.append(Evidence(rotation.number, text))
        if not faults and not coped:
            return self.unseen("No secret was changed without notice.")
        good = "Secrets that changed without notice and were found: {n}."
        return self.weigh(faults, coped, good, "Secrets that changed and were never found: {n}.")
