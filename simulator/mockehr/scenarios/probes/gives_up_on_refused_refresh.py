"""Ledger A3: a refresh token that was refused is not tried again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.asking import form, token_given
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import answer, bearer, heard, label, status


@dataclass(frozen=True, slots=True)
class GivesUpOnRefusedRefresh(Probe):
    """When a refresh is answered `invalid_grant`, does the client let that refresh token go?

    It fails if it sends the same refresh token again and again, or goes on calling the API with access tokens that
    are refused. Signing the user in anew is right, and so is stopping.
    """

    name: ClassVar[str] = "gives-up-on-refused-refresh"
    ledger: ClassVar[tuple[str, ...]] = ("A3",)

    repeats: int = 1
    """How often a refused refresh token may be sent again: two workers may have meant the same refresh."""
    stubborn: int = 3
    """How many API calls may be refused afterwards for want of a new token."""

    def judge(self, case: Case) -> Finding:
        """Follow every refused refresh token."""
        refused: dict[str, int] = {}
        again: Counter[str] = Counter()
        faults: list[Evidence] = []
        for grant in case.on("token"):
            sent = form(grant).get("refresh_token", "")
            if not sent or form(grant).get("grant_type") != "refresh_token":
                continue
            if sent in refused:
                again[sent] += 1
                if again[sent] == self.repeats + 1:
                    text = f"the refresh token refused at {refused[sent]} was sent {again[sent]} times more"
                    faults.append(Evidence(grant.number, text))
            elif heard(grant) and (answer(grant) or {}).get("error") == "invalid_grant":
                refused[sent] = grant.number
        if not refused:
            return self.unseen("No refresh was answered invalid_grant.")
        faults += self._dead_calls(case, min(refused.values()))
        coped = [Evidence(entry, f"refused, {_after(case, entry)}") for entry in refused.values()]
        good = "Refresh tokens that were refused and let go: {n}."
        return self.weigh(faults, coped, good, "Refused refresh tokens with which the client did not cope: {n}.")

    def _dead_calls(self, case: Case, since: int) -> list[Evidence]:
        fresh: set[str] = set()
        row = 0
        for exchange in case.exchanges:
            if exchange.number < since:
                continue
            if exchange.channel == "token":
                fresh.add(token_given(exchange))
            elif exchange.channel == "fhir" and status(exchange) == 401 and bearer(exchange) not in fresh:
                row += 1
                if row == self.stubborn + 1:
                    return [Evidence(exchange.number, f"{label(exchange)} is the {row}th call with a dead token")]
        return []


def _after(case: Case, entry: int) -> str:
    """What became of it."""
    for exchange in case.on("authorize", "token"):
        if exchange.number > entry and exchange.channel == "authorize":
            return f"and authorized anew from entry {exchange.number}"
    return "and not sent again"
