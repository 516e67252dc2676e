"""Ledger C2, D13: exports are not asked after too often."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.bulk_reading import is_end, orders, told_until
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import heard, status


@dataclass(frozen=True, slots=True)
class BulkPollingKept(Probe):
    """Does the client ask after an export no sooner than the last answer's `Retry-After` says?

    Answers are 202, 429 and 5xx (Bulk Data Access 2.0, "Bulk Data Status Request"). Where none is told, polls have to
    be `least` apart. Measured on the site's clock, so the clock must run or be moved.
    """

    name: ClassVar[str] = "bulk-polling-kept"
    ledger: ClassVar[tuple[str, ...]] = ("C2", "D13")

    tolerance: float = 0.01
    """Site seconds by which a client may be early: clocks are floats."""
    least: float = 0.1
    """Site seconds between two polls of which nothing was told."""

    def judge(self, case: Case) -> Finding:
        """Measure the time between each two polls of one export."""
        faults: list[Evidence] = []
        kept: list[Evidence] = []
        for order in orders(case):
            for poll, following in pairwise(order.polls):
                if heard(poll) and not is_end(poll) and status(poll) != 401:
                    early = following.at < self._until(poll) - self.tolerance
                    (faults if early else kept).append(_pause(poll, following))
        if not faults and not kept:
            return self.unseen("No export was asked after twice.")
        if len({one.at for one in case.exchanges}) == 1:
            return self.unseen("The site's clock stood still, so no pause could be measured; let it run.")
        good, bad = "Polls that came in time: {n}.", "Polls that came too early: {n}."
        return self.weigh(faults, kept, good, bad)

    def _until(self, poll: Exchange) -> float:
        until = told_until(poll)
        return poll.at + self.least if until is None else until


def _pause(poll: Exchange, following: Exchange) -> Evidence:
    value = poll.reply.header("retry-after") if poll.reply is not None else ""
    told = f"Retry-After: {value}" if value else "no Retry-After"
    return Evidence(following.number, f"asked {following.at - poll.at:.3f} s after {status(poll)} with {told}")
