"""Ledger D13: an export that was lost or has failed is ordered again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.bulk_reading import Order, is_failure, ordered_after, orders
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import status


@dataclass(frozen=True, slots=True)
class BulkRestartsLostJobs(Probe):
    """Does the client order an export again that failed (5xx) or that the site does not know any more (404, 410)?

    It fails if it orders nothing, or asks after the old one more often than `attempts` times first.
    """

    name: ClassVar[str] = "bulk-restarts-lost-jobs"
    ledger: ClassVar[tuple[str, ...]] = ("D13",)

    attempts: int = 3
    """How many more polls of a lost export are still no loop."""

    def judge(self, case: Case) -> Finding:
        """Follow every export that failed to what the client did next."""
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for order in orders(case):
            end = order.end
            if end is None or not is_failure(end) or order.cancelled:
                continue
            fault = self._clinging(case, order)
            text = f"export {order.job} ended with {status(end)} and was ordered again"
            (coped if fault is None else faults).append(fault or Evidence(end.number, text))
        if not faults and not coped:
            return self.unseen("No export was lost and none failed.")
        bad = "Lost exports with which the client did not cope: {n}."
        return self.weigh(faults, coped, "Lost exports that were ordered again: {n}.", bad)

    def _clinging(self, case: Case, order: Order) -> Evidence | None:
        end = order.end
        assert end is not None
        again = ordered_after(case, end.number)
        until = again.number if again is not None else case.exchanges[-1].number + 1
        polls = [poll for poll in order.polls if end.number < poll.number < until]
        what = f"export {order.job} ended with {status(end)}"
        if len(polls) > self.attempts:
            return Evidence(polls[-1].number, f"{what} and was asked after {len(polls)} times more")
        return Evidence(end.number, f"{what} and was never ordered again") if again is None else None
