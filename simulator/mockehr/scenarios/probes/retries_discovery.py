"""Ledger B1: an app that is opened too early comes back until the authorization server is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.launch_reading import asked_as, brought, handle_of, is_statement
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, heard, label, status

_NOT_NOW: Final = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetriesDiscovery(Probe):
    """When discovery or the token endpoint is not there yet, does the app ask again, later each time, and go on?

    It fails if it gives up after fewer than `patience` attempts, comes back without any pause, or asks more than
    `most` times in a row. A code that could not be redeemed since nobody answered is still good. What the user is
    shown meanwhile is not to be seen here.
    """

    name: ClassVar[str] = "retries-discovery"
    ledger: ClassVar[tuple[str, ...]] = ("B1",)

    patience: int = 3
    most: int = 12
    least: float = 0.1
    """Site seconds that the longest pause of a row must reach."""

    def judge(self, case: Case) -> Finding:
        """Follow every row of answers that were none."""
        faults: list[Evidence] = []
        good: list[Evidence] = []
        still = len({exchange.at for exchange in case.exchanges}) == 1
        for asked in _endpoints(case):
            for row, following in _rows(asked):
                found = list(self._faults(row, following, still))
                faults += found
                good += [_kept(row, following)] if not found else []
        given_up = list(self._given_up(case))
        if given_up:  # what waited for them was another launch
            faults, good = faults + given_up, []
        if not faults and not good:
            return self.unseen("Discovery and the token endpoint were always there.")
        faults.sort(key=lambda item: item.entry)
        return self.weigh(faults, good, "Rows of failures that were waited out: {n}.", "Faults in waiting: {n}.")

    def _given_up(self, case: Case) -> Iterator[Evidence]:
        """Launches that met nobody, and of which nothing was heard again."""
        launches = case.on("launch")
        for launch, following in zip(launches, [*launches, None][1:], strict=True):
            until = following.number if following is not None else float("inf")
            asked = next(iter(_endpoints(case)))
            missed = [one for one in asked if launch.number < one.number < until and _absent(one)]
            if missed and len(missed) < self.patience and handle_of(launch) and not brought(launch, case):
                yield Evidence(missed[-1].number, f"the launch at {launch.number} met nobody and was given up")

    def _faults(self, row: Sequence[Exchange], following: Exchange | None, still: bool) -> Iterator[Evidence]:
        last, times = row[-1], len(row)
        if following is None and times < self.patience:
            yield Evidence(last.number, f"{label(last)} was not there and given up after {times} of {self.patience}")
        if times > self.most:
            yield Evidence(last.number, f"{label(last)} was asked {times} times in a row")
        turns = [*row, following] if following is not None else list(row)
        pauses = [later.at - earlier.at for earlier, later in pairwise(turns)]
        if pauses and max(pauses) < self.least and not still:
            yield Evidence(turns[1].number, f"{label(last)} was asked again within {max(pauses):.3f} s at most")


def _endpoints(case: Case) -> Iterator[list[Exchange]]:
    """What was asked of discovery (the CapabilityStatement stands in for it), and for codes to be redeemed."""
    yield [one for one in case.exchanges if asked_as(one) == "smart-configuration" or is_statement(one)]
    yield [one for one in case.on("token") if b"authorization_code" in one.body]


def _rows(asked: Sequence[Exchange]) -> Iterator[tuple[list[Exchange], Exchange | None]]:
    """Rows of requests that nobody was there to answer, each with the request that followed."""
    row: list[Exchange] = []
    for one in asked:
        if _absent(one):
            row.append(one)
        elif row:
            yield row, one
            row = []
    if row:
        yield row, None


def _absent(exchange: Exchange) -> bool:
    return fired(exchange, "launch-before-ready") or not heard(exchange) or status(exchange) in _NOT_NOW


def _kept(row: Sequence[Exchange], following: Exchange | None) -> Evidence:
    if following is None:
        return Evidence(row[-1].number, f"{label(row[-1])} was given up after {len(row)} attempts")
    return Evidence(following.number, f"{label(following)} was asked again after {len(row)} failures")
