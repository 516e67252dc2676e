"""Ledger B9: a code is redeemed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import form, reason
from mockehr.scenarios.launch_reading import after, redemptions, requests
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, heard, status


@dataclass(frozen=True, slots=True)
class RedeemsCodeOnce(Probe):
    """When the callback is loaded twice, or a code turns out to be used, does the app redeem each code only once?

    A second redemption ends the tokens of the first (RFC 6749 section 4.1.2). To send a code again that nobody
    answered for is no fault. Where the token endpoint says that a code was used, the launch has to begin anew.
    """

    name: ClassVar[str] = "redeems-code-once"
    ledger: ClassVar[tuple[str, ...]] = ("B9",)

    def judge(self, case: Case) -> Finding:
        """Look for codes that were sent twice, and for what followed a used one."""
        brought, asked = redemptions(case), requests(case)
        twice = [one for one in case.on("launch") if fired(one, "code-replay")]
        used = [one for one in brought if reason(one) == "code-used"]
        if not twice and not used:
            return self.unseen("No callback was loaded twice, and no code was used before.")
        faults = list(_repeats(brought))
        for one in used:
            if not after(one, asked) and not faults:
                faults.append(Evidence(one.number, "the code was used, and the launch was not begun again"))
        good = [Evidence(one.number, "the code was redeemed once") for one in brought if status(one) == 200]
        good = good or [Evidence(one.number, "no code was redeemed") for one in twice]
        return self.weigh(faults, good, "Codes redeemed once: {n}.", "Faults with codes: {n}.")


def _repeats(brought: list[Exchange]) -> Iterator[Evidence]:
    seen: dict[str, int] = {}
    for one in brought:
        code = form(one).get("code", "")
        if code in seen:
            yield Evidence(one.number, f"the code redeemed at {seen[code]} was sent again")
        elif heard(one) and status(one) < 500 and status(one) not in (404, 410):
            seen[code] = one.number
