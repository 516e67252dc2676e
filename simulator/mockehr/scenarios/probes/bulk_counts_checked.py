"""Ledger D13: what came is compared with what was counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.scenarios.bulk_reading import Fetched, Order, lines_sent, listed_in, ordered_after, orders
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe


@dataclass(frozen=True, slots=True)
class BulkCountsChecked(Probe):
    """Does the client notice that a file has not as many records as the manifest's `count` says?

    It noticed if it then asks for the file or the manifest again, or orders the export again. That they agree in the
    end is not asked: either may be wrong for good.
    """

    name: ClassVar[str] = "bulk-counts-checked"
    ledger: ClassVar[tuple[str, ...]] = ("D13",)

    def judge(self, case: Case) -> Finding:
        """Compare the lines of every file that was fetched whole with its count."""
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        fetched = Fetched(case)
        for order in orders(case):
            _, manifest = order.manifest or (None, {})
            for listed in listed_in(manifest, "output", "error"):
                found = fetched.at(listed["url"])
                sent = lines_sent(found[0]) if found else None
                if sent is None or listed.get("count", sent) == sent:
                    continue
                text = f"{listed['url'].rpartition('/')[2]} had {sent} records, the manifest said {listed['count']}"
                first = found[0].number
                noticed = len(found) > 1 or _asked_again(order, first) or ordered_after(case, first) is not None
                (coped if noticed else faults).append(Evidence(first, text))
        if not faults and not coped:
            return self.unseen("Every file had as many records as were counted.")
        bad = "Wrong counts that were not noticed: {n}."
        return self.weigh(faults, coped, "Wrong counts that were noticed: {n}.", bad)


def _asked_again(order: Order, number: int) -> bool:
    return any(poll.number > number for poll in order.polls)
