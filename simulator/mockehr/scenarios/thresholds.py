"""What a scenario lets pass: so many faults of a probe, so many untrue records; and what is too much traffic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mockehr.scenarios.probe import Case, Evidence, Finding
from mockehr.scenarios.scorecard import Card

if TYPE_CHECKING:
    from mockehr.scenarios.schema import ThresholdsSection

BUDGET: Final = "exchange-budget"
"""Under which name the scorecard tells how many exchanges a client needed, if a scenario bounds them."""
TRUTH: Final = "truth"


def within(card: Card, case: Case, allowed: ThresholdsSection) -> Card:
    """The card of a case with what the thresholds let pass, and with what they do not."""
    return replace(card, findings=(*(_eased(one, case, allowed) for one in card.findings), *_budget(case, allowed)))


def with_findings(card: Card, findings: Iterable[Finding]) -> Card:
    """The card with more findings behind its own."""
    return replace(card, findings=(*card.findings, *findings))


def _eased(finding: Finding, case: Case, allowed: ThresholdsSection) -> Finding:
    if finding.verdict != "fail":
        return finding
    if finding.probe == TRUTH and allowed.truth and case.truth is not None:
        allowances: Mapping[str, int] = dict(allowed.truth.items())
        found = {kind: len(some) for kind, some in case.truth.findings().items() if some}
        if all(number <= allowances.get(kind, 0) for kind, number in found.items()):
            return replace(finding, verdict="pass", summary=f"{finding.summary} So many are let pass.")
    told = allowed.probes.get(finding.probe)
    if told is not None and 0 < finding.faults <= told.faults_at_most:
        let = f"{finding.summary} Up to {told.faults_at_most} faults are let pass."
        return replace(finding, verdict="pass", summary=let)
    return finding


def _budget(case: Case, allowed: ThresholdsSection) -> Iterator[Finding]:
    if allowed.exchanges is None:
        return
    needed = len(case.exchanges)
    if not needed:
        yield Finding(BUDGET, "not-applicable", "There was no exchange.")
    elif needed > allowed.exchanges:
        first = case.exchanges[allowed.exchanges]
        over = (Evidence(first.number, f"the first of {needed - allowed.exchanges} too many"),)
        yield Finding(BUDGET, "fail", f"{needed} exchanges, {allowed.exchanges} are enough.", over)
    else:
        yield Finding(BUDGET, "pass", f"{needed} exchanges of at most {allowed.exchanges}.")
