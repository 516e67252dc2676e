"""Ledger A10: assertions are right, and a refusal of one is understood."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.asking import OF_AN_ASSERTION, assertion, form, reason, token_given
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired

_RULES = ("assertion-rules", "clock-skew")


@dataclass(frozen=True, slots=True)
class AssertionCorrect(Probe):
    """Are the client's assertions as SMART wants them, and does it understand `invalid_client`?

    It fails if an assertion is refused for how it is written (except by rules that are tighter than the standard, or
    a clock that is off), lives longer than five minutes, is sent twice, or if the same fault is repeated more than a
    few times in a row. After a refusal, signing anew in another way or stopping is right.
    """

    name: ClassVar[str] = "assertion-correct"
    ledger: ClassVar[tuple[str, ...]] = ("A10",)

    longest: float = 300.0
    """Seconds from `iat` to `exp` at most (SMART App Launch 2.2, client-confidential-asymmetric)."""
    attempts: int = 2
    """How many assertions in a row may be refused for one reason."""

    def judge(self, case: Case) -> Finding:
        """Look at every assertion and at what followed its refusal."""
        grants = [grant for grant in case.on("token") if form(grant).get("client_assertion")]
        if not grants:
            return self.unseen("No assertion was sent.")
        faults = [*self._wrong(grants), *_twice(grants), *self._stubborn(grants)]
        faults.sort(key=lambda item: item.entry)
        fine = [Evidence(grant.number, "an assertion that was accepted") for grant in grants if token_given(grant)]
        fine += [
            Evidence(grant.number, f"refused ({reason(grant)}), and understood")
            for grant in grants
            if reason(grant) in OF_AN_ASSERTION
        ]
        if not faults and not fine:
            return self.unseen("No assertion was judged: token requests were refused for other reasons.")
        return self.weigh(faults, fine, "Assertions that were right: {n}.", "Faults in assertions: {n}.")

    def _wrong(self, grants: Sequence[Exchange]) -> Iterator[Evidence]:
        for grant in grants:
            why = reason(grant)
            if why in OF_AN_ASSERTION and why != "jti-replayed" and not fired(grant, *_RULES):
                told = grant.notes.get("refused_because", "")
                yield Evidence(grant.number, f"refused: {why}. {told}".strip())
                continue
            sent = assertion(grant)
            issued, ends = (sent.claims.get(name) for name in ("iat", "exp")) if sent is not None else (None, None)
            if isinstance(issued, int | float) and isinstance(ends, int | float) and ends - issued > self.longest:
                yield Evidence(grant.number, f"the assertion lives for {ends - issued:g} s, at most {self.longest:g}")

    def _stubborn(self, grants: Sequence[Exchange]) -> Iterator[Evidence]:
        row, last = 0, ""
        for grant in grants:
            why = reason(grant)
            row = row + 1 if why in OF_AN_ASSERTION and why == last else 1
            last = why
            if why in OF_AN_ASSERTION and row == self.attempts + 1:
                yield Evidence(grant.number, f"{row} assertions in a row were refused for one reason: {why}")


def _twice(grants: Sequence[Exchange]) -> Iterator[Evidence]:
    seen: dict[tuple[str, str], int] = {}
    for grant in grants:
        sent = assertion(grant)
        jti = sent.claims.get("jti") if sent is not None else None
        if sent is None or not isinstance(jti, str):
            continue
        first = seen.setdefault((sent.issuer, jti), grant.number)
        if first != grant.number:
            yield Evidence(grant.number, f"the jti of entry {first} was used again")
