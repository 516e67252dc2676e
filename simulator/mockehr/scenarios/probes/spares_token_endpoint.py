"""Ledger A11: tokens are kept, and a token endpoint that is busy is left alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import ends, form, token_given
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.probes.keeps_retry_after import KeepsRetryAfter
from mockehr.scenarios.reading import bearer, heard, status


@dataclass(frozen=True, slots=True)
class SparesTokenEndpoint(Probe):
    """Does the client ask for a token only when it needs one, and keep away while the token endpoint is busy?

    It fails if it fetches token after token while the one it has is good, comes back after 429 or 503 before the time
    that `Retry-After` says (or without a growing pause where it says none), or never stops asking. A new token after
    401, for other scopes, or shortly before the old one ends is no waste.
    """

    name: ClassVar[str] = "spares-token-endpoint"
    ledger: ClassVar[tuple[str, ...]] = ("A11",)

    spare: int = 1
    """How many tokens may be fetched without need: two workers may have begun at once."""
    early: float = 60.0
    """Seconds before its end from which on a token may be renewed; at most half of its life."""
    attempts: int = 10
    """How many refusals by 429 or 503 in a row are still no siege."""

    def judge(self, case: Case) -> Finding:
        """Look for tokens that nobody needed, and for requests that came too early."""
        grants, calls = case.on("token"), case.on("fhir")
        given = [grant for grant in grants if token_given(grant) and _own_name(grant)]
        throttled = [grant for grant in grants if status(grant) in (429, 503) and heard(grant)]
        if not throttled and len(given) + len(calls) < 3:
            return self.unseen("Too little was asked for to say whether tokens are kept.")
        wasted = [Evidence(grant.number, why) for grant, why in self._wasted(given, calls)]
        pauses = KeepsRetryAfter().judge(replace(case, exchanges=grants)) if throttled else None
        faults = wasted if len(wasted) > self.spare else []
        if pauses is not None and pauses.verdict == "fail":
            faults = [*faults, *pauses.evidence]
        faults = sorted([*faults, *self._sieges(grants)], key=lambda item: item.entry)
        fine = [Evidence(grant.number, "a token that was needed") for grant in given[: len(given) - len(wasted)]]
        fine += [Evidence(grant.number, f"{status(grant)}, and the pause was kept") for grant in throttled]
        if not faults and not fine:
            return self.unseen("No token was given, and the token endpoint was not busy.")
        good = "Tokens that were needed, and refusals that were respected: {n}."
        return self.weigh(faults, fine, good, "Token requests that should not have been sent: {n}.")

    def _wasted(self, given: Sequence[Exchange], calls: Sequence[Exchange]) -> Iterator[tuple[Exchange, str]]:
        refused = {bearer(call): call.number for call in reversed(calls) if status(call) in (401, 403)}
        for position, grant in enumerate(given):
            for before in reversed(given[:position]):
                if _asked(before) != _asked(grant):
                    continue
                left = ends(before) - grant.at
                good = left > min(self.early, (ends(before) - before.at) / 2)
                if good and not refused.get(token_given(before), grant.number) < grant.number:
                    yield grant, f"a token was fetched, though that of entry {before.number} had {left:.0f} s to go"
                break

    def _sieges(self, grants: Sequence[Exchange]) -> Iterator[Evidence]:
        row = 0
        for grant in grants:
            row = row + 1 if status(grant) in (429, 503) else 0
            if row == self.attempts + 1:
                yield Evidence(grant.number, f"{row} refusals in a row, and it still asks")


def _own_name(grant: Exchange) -> bool:
    return form(grant).get("grant_type") == "client_credentials"


def _asked(grant: Exchange) -> frozenset[str]:
    return frozenset(form(grant).get("scope", "").split())
