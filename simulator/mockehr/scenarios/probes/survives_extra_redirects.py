"""Ledger B7: a launch gets through an identity provider that touches the query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import form
from mockehr.scenarios.launch_reading import after, codes_given, redemptions, requests
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired


@dataclass(frozen=True, slots=True)
class SurvivesExtraRedirects(Probe):
    """When an identity provider adds redirects and rewrites the query, does the app's `state` come back unharmed?

    It fails if `state` comes back altered, since it is too long or not made of letters, digits, `-` and `_`; or if
    it comes back not at all and the code is redeemed all the same; or if it comes back and the code is left.
    """

    name: ClassVar[str] = "survives-extra-redirects"
    ledger: ClassVar[tuple[str, ...]] = ("B7",)

    def judge(self, case: Case) -> Finding:
        """Follow every authorization request that went over a provider to its code."""
        asked = requests(case)
        faults: list[Evidence] = []
        good: list[Evidence] = []
        for one in asked:
            if not fired(one, "idp-extra-redirect"):
                continue
            following = after(one, asked)
            until = following[0].number if following else float("inf")
            given = [found for found in codes_given(case) if one.number < found[0].number < until]
            if given:
                fault, text = _outcome(form(one).get("state", ""), given[0], redemptions(case))
                (faults if fault else good).append(Evidence(given[0][0].number, text))
        if not faults and not good:
            return self.unseen("No launch went over an identity provider and came back.")
        return self.weigh(faults, good, "Launches that got through: {n}.", "Launches that did not: {n}.")


def _outcome(sent: str, given: tuple[Exchange, str, str], brought: list[Exchange]) -> tuple[bool, str]:
    """(whether that is a fault, what happened) of one code."""
    _, code, state = given
    redeemed = any(form(one).get("code") == code for one in brought)
    if state and state != sent:
        return True, f"state was sent as {sent!r} and came back as {state!r}"
    if not state:
        return redeemed, "state did not come back, and the code was " + ("redeemed" if redeemed else "not redeemed")
    return not redeemed, "state came back, and the code was " + ("redeemed" if redeemed else "left")
