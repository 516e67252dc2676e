"""Ledger B7, B9: a code that comes with somebody else's state is not redeemed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.asking import form
from mockehr.scenarios.launch_reading import codes_given, redemptions, requests
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class ChecksState(Probe):
    """When the browser comes back with a `state` that the app never sent, or with none, does it leave the code alone?

    RFC 6749 section 10.12: who redeems such a code logs its user in as somebody else. An app that sends no `state`
    cannot tell, and fails as soon as it redeems a code.
    """

    name: ClassVar[str] = "checks-state"
    ledger: ClassVar[tuple[str, ...]] = ("B7", "B9")

    def judge(self, case: Case) -> Finding:
        """Compare every state that came back with those that were sent."""
        asked, brought = requests(case), redemptions(case)
        faults: list[Evidence] = []
        good: list[Evidence] = []
        for back, code, state in codes_given(case):
            sent = {form(one).get("state", "") for one in asked if one.number <= back.number} - {""}
            if state in sent or not asked:
                continue
            used = [one for one in brought if form(one).get("code") == code]
            told = f"state came back as {state!r}" if state else "no state came back"
            if used:
                faults.append(Evidence(used[0].number, f"{told}, and the code was redeemed"))
            else:
                good.append(Evidence(back.number, f"{told}, and the code was left"))
        if not faults and not good:
            return self.unseen("Every state came back as it was sent.")
        return self.weigh(faults, good, "Codes with a foreign state that were left: {n}.", "Codes redeemed: {n}.")
