"""Ledger B8: an app opens where browsers keep no cookies for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.launch_reading import (
    after,
    brought,
    handle_of,
    redemptions,
    requests,
    tokened,
    tokens_of,
    told_back,
)
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired


@dataclass(frozen=True, slots=True)
class SurvivesBlockedCookies(Probe):
    """When the workstation blocks cookies and windows for the app, does it get its token all the same?

    It fails if the launch comes to nothing after the app was opened like that: no authorization request, or a code
    that is not redeemed. Whether it does without `state` instead is `checks-state`'s question.
    """

    name: ClassVar[str] = "survives-blocked-cookies"
    ledger: ClassVar[tuple[str, ...]] = ("B8",)

    def judge(self, case: Case) -> Finding:
        """Follow every such launch to its token."""
        faults: list[Evidence] = []
        good: list[Evidence] = []
        opened = [one for one in case.on("launch") if fired(one, "blocked-cookies")]
        ends = [*(later.number for later in opened), float("inf")][1:]
        for one, until in zip(opened, ends, strict=True):
            if handle_of(one):
                mine = brought(one, case)
                tokens = tokens_of(mine, case)
            else:
                mine = [asked for asked in after(one, requests(case)) if asked.number < until]
                tokens = [token for token in after(one, redemptions(case)) if token.number < until and tokened(token)]
            if tokens:
                good.append(Evidence(tokens[0].number, f"the launch at {one.number} got its token"))
            elif mine and any(told_back(asked).get("error") for asked in mine):
                continue
            else:
                text = (
                    "the app came back from the sign-in and did not redeem its code"
                    if mine
                    else "the app did not begin"
                )
                faults.append(Evidence(mine[-1].number if mine else one.number, text))
        if not faults and not good:
            return self.unseen("No app was opened with cookies or windows blocked.")
        return self.weigh(faults, good, "Launches without cookies: {n}.", "Launches lost for want of cookies: {n}.")
