"""Ledger A7: what one site gave is not shown to another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import NO_TOKEN, assertion, reason, token_given
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import bearer, fired, label, status


@dataclass(frozen=True, slots=True)
class KeysCredentialsBySite(Probe):
    """Are all credentials that the client shows to this site this site's own?

    It fails if it shows an access token that this site never issued, a client id that was never registered here, or
    an assertion whose `aud` is another token endpoint. A registration that the site itself lost is not held against
    it.
    """

    name: ClassVar[str] = "keys-credentials-by-site"
    ledger: ClassVar[tuple[str, ...]] = ("A7",)

    def judge(self, case: Case) -> Finding:
        """Look at every credential."""
        grants, calls = case.on("token"), case.on("fhir")
        issued = {token_given(grant): grant.number for grant in grants if token_given(grant)}
        used = {bearer(call) or "" for call in calls if status(call) not in (0, 401)}
        faults = [*_foreign_tokens(calls, issued), *_foreign_ids(grants)]
        faults.sort(key=lambda item: item.entry)
        own = [
            Evidence(entry, "a token of this site's own, used here") for text, entry in issued.items() if text in used
        ]
        if not own and not faults:
            return self.unseen("No credential was shown to this site.")
        good = "Tokens of this site's own, and no other: {n}."
        return self.weigh(faults, own, good, "Credentials that this site never gave: {n}.")


def _foreign_tokens(calls: list[Exchange], issued: dict[str, int]) -> Iterator[Evidence]:
    for call in calls:
        problem, token = call.problem, bearer(call) or ""
        unknown = problem is not None and problem.kind == "token-invalid" and problem.value == "unknown"
        if unknown and token not in issued and token.lower() not in NO_TOKEN:
            yield Evidence(call.number, f"{label(call)} was sent with a token that this site never issued")


def _foreign_ids(grants: list[Exchange]) -> Iterator[Evidence]:
    accepted: set[str] = set()
    for grant in grants:
        why = reason(grant)
        if not why and grant.client:
            accepted.add(grant.client)
        elif why == "client-unknown" and not fired(grant, "registration-lost") and grant.client not in accepted:
            yield Evidence(grant.number, f"the client {grant.client!r} was never registered at this site")
        elif why == "audience-wrong" and not fired(grant, "assertion-rules"):
            sent = assertion(grant)
            audience = sent.claims.get("aud") if sent is not None else None
            yield Evidence(grant.number, f"the assertion is meant for {audience}")
