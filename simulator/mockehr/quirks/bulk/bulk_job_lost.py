"""Exports that are gone before they are done."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Kind, Problem
from mockehr.fhir.bulk import Answer
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.exported import POLLS, check_jobs, check_status, strikes, struck

KINDS: Final = MappingProxyType[int, Kind]({404: "not-found", 410: "gone", 500: "internal"})


@quirk("bulk-job-lost", family="bulk", ledger=("D13",), channels=("files",), interactions=POLLS)
@dataclass(frozen=True, slots=True)
class BulkJobLost:
    """Polls of an export that has run for the share `at` of its time are answered 404 (or `status` 410 or 500) from
    then on: a restart, a clean-up or an operator has ended it.

    It happens to `jobs` exports of each client (0: to every one). Coping: order the export again, a bounded number of
    times; do not ask after the lost one for ever, and do not take it for one without records.
    """

    status: int = 404
    at: float = 0.5
    jobs: int = 1

    def __post_init__(self) -> None:
        check_status(self.status, tuple(KINDS))
        check_jobs(self.jobs)
        if not 0 <= self.at <= 1:
            raise ValueError(f"at is {self.at:g}; it must lie in 0..1")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Say that there is no such export, or that it broke."""
        answer = exchange.result
        if not isinstance(answer, Answer):
            act.leave("no answer to a poll")
            return
        job = answer.job
        span, ran = job.due - job.kicked_off, act.now - job.kicked_off
        if not struck(act.memory, job.client, job.id) and ran < self.at * span:
            act.leave(f"ran {ran:g} of {span:g} s")
            return
        if not strikes(act.memory, job.client, job.id, self.jobs):
            act.leave(f"happened {self.jobs} times to {job.client}")
            return
        exchange.result = Problem(self.status, KINDS[self.status], f"there is no export {job.id}", value=job.id)
        act.why = f"the export is gone after {ran:g} of {span:g} s"
