"""Ledger B9: an app keeps to PKCE whatever the server says of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import form
from mockehr.scenarios.launch_reading import acted, redemptions, requests
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class KeepsPkce(Probe):
    """Where a server speaks of `plain` or of nothing, or looks at no challenge, does the app send S256 all the same?

    It fails if an authorization request has no S256 challenge, if two have the same one, or if a code is redeemed
    without a verifier. Not to go on with such a server is fine.
    """

    name: ClassVar[str] = "keeps-pkce"
    ledger: ClassVar[tuple[str, ...]] = ("B9",)

    def judge(self, case: Case) -> Finding:
        """Look at every challenge and verifier that was sent to such a server."""
        places = case.on("discovery", "authorize", "token")
        seen = [one for one in places if acted(one, "pkce-missing")]
        if not seen:
            return self.unseen("No server made little of PKCE.")
        asked, brought = requests(case), redemptions(case)
        faults = sorted([*_challenges(asked), *_verifiers(brought)], key=lambda item: item.entry)
        good = [Evidence(one.number, "S256 was sent") for one in asked]
        good = good or [Evidence(seen[0].number, "the app did not go on with such a server")]
        return self.weigh(faults, good, "Challenges kept to: {n}.", "Requests without proof: {n}.")


def _challenges(asked: Sequence[Exchange]) -> Iterator[Evidence]:
    seen: dict[str, int] = {}
    for one in asked:
        told = form(one)
        challenge, method = told.get("code_challenge", ""), told.get("code_challenge_method", "")
        if not challenge or method != "S256":
            said = f"{method or 'plain'} instead of S256" if challenge else "no code_challenge"
            yield Evidence(one.number, f"the authorization request has {said}")
        elif challenge in seen:
            yield Evidence(one.number, f"the challenge is that of {seen[challenge]}")
        else:
            seen[challenge] = one.number


def _verifiers(brought: Sequence[Exchange]) -> Iterator[Evidence]:
    for one in brought:
        if not form(one).get("code_verifier"):
            yield Evidence(one.number, "the code was redeemed without a code_verifier")
