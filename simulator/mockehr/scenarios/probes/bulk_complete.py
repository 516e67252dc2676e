"""Ledger D13: every file of an export is fetched, whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import Exchange
from mockehr.scenarios.bulk_reading import Fetched, is_whole, listed_in, ordered_after, orders
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import heard, status


@dataclass(frozen=True, slots=True)
class BulkComplete(Probe):
    """Does the client fetch every file that a manifest lists in `output` and `deleted`, and again what came cut,
    damaged or not at all?

    Whole is what came with 200 and nothing missing, or in parts (206) that cover it. An export that was ordered again
    afterwards counts no more. A file that stays damaged may be given up after `attempts`.
    """

    name: ClassVar[str] = "bulk-complete"
    ledger: ClassVar[tuple[str, ...]] = ("C5", "D13")

    attempts: int = 3

    def judge(self, case: Case) -> Finding:
        """Look for every file of the newest manifest of every export."""
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        fetched = Fetched(case)
        for order in orders(case):
            poll, manifest = order.manifest or (None, {})
            if poll is None:
                continue
            for listed in listed_in(manifest, "output", "deleted"):
                found = fetched.at(listed["url"])
                last = found[-1].number if found else poll.number
                if is_whole(found) or len(found) >= self.attempts:
                    coped.append(Evidence(last, f"{_name(listed['url'])} was asked for {len(found)} times"))
                elif ordered_after(case, last) is None:
                    faults.append(Evidence(last, f"{_name(listed['url'])} {_trouble(found)}"))
        if not faults and not coped:
            return self.unseen("No export listed any file that was to be fetched.")
        bad = "Files that were not fetched, or not whole: {n}."
        return self.weigh(faults, coped, "Files that were fetched: {n}.", bad)


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def _trouble(found: list[Exchange]) -> str:
    if not found:
        return "was never asked for"
    last = found[-1]
    if "damaged" in last.notes:
        return f"came damaged and was not fetched again: {last.notes['damaged']}"
    if not heard(last):
        return "came cut off and was not fetched again"
    return f"was answered {status(last)} and not fetched again"
