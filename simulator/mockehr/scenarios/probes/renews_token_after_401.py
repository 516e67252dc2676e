"""Ledger A1, A2, A4: a refused token is renewed and the refused request repeated once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import reason
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import answer, bearer, heard, label, same_request, status

_NO_TOKEN = frozenset({"", "none", "null", "undefined", "nan"})


@dataclass(frozen=True, slots=True)
class RenewsTokenAfter401(Probe):
    """When a FHIR request is refused with 401, does the client get a new token and repeat that request once?

    It fails if it goes on without repeating, repeats with the token that was just refused, repeats a write that was
    accepted already, goes round in circles, or calls with no token at all (`Bearer None`). If the token endpoint
    itself refuses, stopping is the right thing to do. Who was not let in yet is `waits-for-activation`'s business.
    """

    name: ClassVar[str] = "renews-token-after-401"
    ledger: ClassVar[tuple[str, ...]] = ("A1", "A2", "A3", "A4")

    attempts: int = 5
    """How many token requests, or refusals of one request, in a row are still no loop."""

    def judge(self, case: Case) -> Finding:
        """Follow every 401 to what the client did next."""
        calls, grants = case.on("fhir", "files"), case.on("token")
        faults = [
            Evidence(call.number, f"{label(call)} was sent with the token {bearer(call)!r}")
            for call in calls
            if (bearer(call) or "").lower() in _NO_TOKEN and bearer(call) is not None
        ]
        faults += self._token_loops(grants)
        refused = [call for call in calls if status(call) == 401 and heard(call)]
        if not refused and not faults:
            return self.unseen("No FHIR request was refused with 401.")
        coped = []
        repeats: set[int] = set()
        for call in refused:
            fault, good = self._after(call, calls, grants, repeats)
            faults += fault
            coped += good
        faults.sort(key=lambda item: item.entry)
        good_words = "Requests refused with 401 and, with a new token, not lost: {n}."
        return self.weigh(faults, coped, good_words, "Refused tokens with which the client did not cope: {n}.")

    def _after(
        self, call: Exchange, calls: Sequence[Exchange], grants: Sequence[Exchange], repeats: set[int]
    ) -> tuple[list[Evidence], list[Evidence]]:
        """Faults and good deeds after one refused call; `repeats` collects the calls that were repeats already."""
        later = [other for other in calls if other.number > call.number and same_request(other, call)]
        asked = [grant for grant in grants if grant.number > call.number]
        if not later:
            if call.number in repeats:  # refused again with a new token: giving up is right
                return [], [Evidence(call.number, f"{label(call)} was refused again and then given up")]
            if asked and not any(_granted(grant) for grant in asked):
                return [], [Evidence(call.number, f"{label(call)} was given up, no new token could be had")]
            why = "the token was renewed, but the request never repeated" if asked else "no token was asked for"
            return [Evidence(call.number, f"{label(call)} was refused with 401; {why}")], []
        repeat = later[0]
        renewed = any(call.number < grant.number < repeat.number for grant in grants)
        if bearer(repeat) == bearer(call) and not renewed:
            text = f"{label(call)} was repeated with the token refused at {call.number}"
            return [Evidence(repeat.number, text)], []
        repeats.add(repeat.number)
        return list(self._too_often(call, later)), [
            Evidence(repeat.number, f"{label(call)}, refused at {call.number}, was repeated with a new token")
        ]

    def _too_often(self, call: Exchange, later: Sequence[Exchange]) -> Iterator[Evidence]:
        row = 1
        for other in later:
            if status(other) != 401:
                break
            row += 1
        if row > self.attempts:
            yield Evidence(later[row - 2].number, f"{label(call)} was refused {row} times in a row and not given up")
        if call.method != "GET":
            accepted = [other for other in later if 200 <= status(other) < 300]
            for first, again in pairwise(accepted):
                if heard(first):
                    yield Evidence(again.number, f"{label(call)} was accepted at {first.number} and sent once more")

    def _token_loops(self, grants: Sequence[Exchange]) -> list[Evidence]:
        row, faults = 0, []
        for grant in grants:
            waiting = status(grant) in (429, 502, 503, 504) or reason(grant) == "client-inactive"
            failed = heard(grant) and not _granted(grant) and not waiting
            row = row + 1 if failed else 0
            if row == self.attempts + 1:
                faults.append(Evidence(grant.number, f"a token was refused {row} times in a row and asked for again"))
        return faults


def _granted(grant: Exchange) -> bool:
    return status(grant) == 200 and heard(grant) and bool((answer(grant) or {}).get("access_token"))
