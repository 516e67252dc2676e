"""Ledger D13: an export is waited for until it ends, however long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.bulk_reading import Order, is_end, ordered_after, orders
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import same_request, status


@dataclass(frozen=True, slots=True)
class BulkWaitsForEnd(Probe):
    """Does the client go on asking after an export until that is done or has failed?

    It fails if it gives up while the export runs (202, 429, or a 5xx that is transient), or orders another one of the
    same meanwhile. Cancelling with DELETE is a way to stop.
    """

    name: ClassVar[str] = "bulk-waits-for-end"
    ledger: ClassVar[tuple[str, ...]] = ("D13",)

    def judge(self, case: Case) -> Finding:
        """Look at the last poll of every export that was asked after before it was done."""
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for order in orders(case):
            if not order.polls or is_end(order.polls[0]):
                continue
            fault = self._given_up(case, order)
            if fault is not None:
                faults.append(fault)
            elif order.end is not None:
                text = f"export {order.job} was asked after {len(order.polls)} times, until {status(order.end)}"
                coped.append(Evidence(order.end.number, text))
        if not faults and not coped:
            return self.unseen("No export was asked after before it was done.")
        return self.weigh(faults, coped, "Exports that were waited for: {n}.", "Exports that were given up: {n}.")

    def _given_up(self, case: Case, order: Order) -> Evidence | None:
        last = order.end or order.polls[-1]
        if order.kick_off is not None:
            again = ordered_after(case, order.kick_off.number)
            if again is not None and again.number < last.number and same_request(again, order.kick_off):
                return Evidence(again.number, f"the export was ordered again while {order.job} ran")
        if order.end is None and not order.cancelled:
            return Evidence(last.number, f"export {order.job} was never asked after again after {status(last)}")
        return None
