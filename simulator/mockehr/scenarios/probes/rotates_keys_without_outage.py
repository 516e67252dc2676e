"""Ledger A8: the client changes its key, and nobody notices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import assertion, ends, reason, token_given
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class RotatesKeysWithoutOutage(Probe):
    """When the client changes its key, does it always get a token?

    A server may not know a new key for as long as it keeps its copy of the client's key set (Epic: 29 hours). The
    client fails if it signs more than a few times in a row with a key that the server does not know, if it then gets
    no token for a good while though the old key was good, or if it signs with an old key that is refused after the
    new one was accepted.
    """

    name: ClassVar[str] = "rotates-keys-without-outage"
    ledger: ClassVar[tuple[str, ...]] = ("A8",)

    attempts: int = 2
    """How many assertions in a row may be refused for want of a key."""
    outage: float = 600.0
    """After so many site seconds without a new token, at the latest when the one before is over, it is an outage."""

    def judge(self, case: Case) -> Finding:
        """Follow the keys through all assertions, in order."""
        signed = [(grant, _kid(grant)) for grant in case.on("token") if _kid(grant)]
        faults: list[Evidence] = []
        occasions: list[Evidence] = []
        good: list[str] = []
        row, lasts = 0, 0.0
        for position, (grant, kid) in enumerate(signed):
            if token_given(grant):
                if good and kid not in good:
                    occasions.append(Evidence(grant.number, f"the key {kid} was accepted after {good[-1]}"))
                row, good = 0, [*(one for one in good if one != kid), kid]
                lasts = ends(grant)
                continue
            if reason(grant) != "key-unknown" or not good:
                continue
            row += 1
            if kid in good and kid != good[-1]:
                text = f"signed with the key {kid}, which is gone, after {good[-1]} was accepted"
                faults.append(Evidence(grant.number, text))
            elif row == self.attempts + 1:
                faults.append(Evidence(grant.number, f"{row} assertions in a row by a key that is not known"))
            elif not _recovers(signed[position + 1 :], max(lasts, grant.at + self.outage)):
                text = f"the key {kid} is not known yet, {good[-1]} was good, and no token was had for a good while"
                faults.append(Evidence(grant.number, text))
            else:
                occasions.append(
                    Evidence(grant.number, f"the key {kid} was not known yet; a token was had all the same")
                )
        if not faults and not occasions:
            return self.unseen("The client signed with one key throughout.")
        words = "Occasions on which the client's keys changed and it got its tokens: {n}."
        return self.weigh(faults, occasions, words, "Outages by a change of the client's keys: {n}.")


def _recovers(later: Sequence[tuple[Exchange, str]], until: float) -> bool:
    return any(token_given(grant) for grant, _ in later if grant.at <= until)


def _kid(grant: Exchange) -> str:
    sent = assertion(grant)
    kid = sent.header.get("kid") if sent is not None else ""
    return kid if isinstance(kid, str) else ""
