"""Ledger A4: what came from the token endpoint is looked at before it is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import NO_TOKEN, token_given
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import answer, bearer, heard, label, status


@dataclass(frozen=True, slots=True)
class NeverSendsEmptyToken(Probe):
    """When the token endpoint says 200 and gives no usable token, does the client notice?

    It fails if it then calls the API without a token, with the name of nothing for one (`Bearer None`), under another
    scheme than Bearer, or with a text that no token response ever held; and if it asks for a token more than a few
    times in a row without getting one. Stopping is fine, and so is asking again.
    """

    name: ClassVar[str] = "never-sends-empty-token"
    ledger: ClassVar[tuple[str, ...]] = ("A4",)

    attempts: int = 5
    """How many worthless token responses in a row are still no loop."""

    def judge(self, case: Case) -> Finding:
        """Look at the Authorization header of every call after a token response that was worth nothing."""
        grants, calls = case.on("token"), case.on("fhir")
        silent = [grant for grant in grants if status(grant) == 200 and heard(grant) and _lacks(grant)]
        faults = list(_empty(calls))
        if not silent and not faults:
            return self.unseen("The token endpoint never said 200 without giving a token.")
        first = silent[0].number if silent else 0
        known = {token_given(grant) for grant in grants}
        faults += self._strange([call for call in calls if call.number > first > 0], known)
        faults += self._loops(grants)
        faults.sort(key=lambda item: item.entry)
        coped = [Evidence(grant.number, f"200 {_lacks(grant)}, and it was noticed") for grant in silent]
        good = "Token responses that were worth nothing, all of them noticed: {n}."
        return self.weigh(faults, coped, good, "Worthless token responses with which the client did not cope: {n}.")

    def _strange(self, calls: Sequence[Exchange], known: set[str]) -> Iterator[Evidence]:
        for call in calls:
            header, token = call.headers.get("authorization"), bearer(call)
            if header is None:
                if call.reply is not None and status(call) == 401:
                    yield Evidence(call.number, f"{label(call)} was sent without a token")
            elif header[:7].lower() != "bearer ":
                yield Evidence(call.number, f"{label(call)} was sent under {header.partition(' ')[0]!r}, not Bearer")
            elif token not in known and status(call) == 401 and (token or "").lower() not in NO_TOKEN:
                text = f"{label(call)} was sent with a token that no token response gave"
                yield Evidence(call.number, text)

    def _loops(self, grants: Sequence[Exchange]) -> Iterator[Evidence]:
        row = 0
        for grant in grants:
            row = row + 1 if status(grant) == 200 and _lacks(grant) else 0
            if row == self.attempts + 1:
                yield Evidence(grant.number, f"{row} worthless token responses in a row, and it still asks")


def _empty(calls: Sequence[Exchange]) -> Iterator[Evidence]:
    for call in calls:
        token = bearer(call)
        if token is not None and token.lower() in NO_TOKEN:
            yield Evidence(call.number, f"{label(call)} was sent with the token {token!r}")


def _lacks(grant: Exchange) -> str:
    """What a token response of status 200 lacks (RFC 6749 section 5.1); empty if nothing."""
    document = answer(grant)
    if document is None:
        return "without JSON"
    if not token_given(grant):
        return "with an error" if "error" in document else "without access_token"
    return "" if document.get("token_type") else "without token_type"
