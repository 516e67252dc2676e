"""Exports that end with an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.bulk import Answer
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.exported import POLLS, check_jobs, check_status, strikes

STATUSES: Final = (500, 501, 502, 503, 504)


@quirk("bulk-job-fails", family="bulk", ledger=("D13",), channels=("files",), interactions=POLLS)
@dataclass(frozen=True, slots=True)
class BulkJobFails:
    """When an export should be done, polls of it are answered with a 5xx `status` and an OperationOutcome in place of
    the manifest, and its issue is not `transient`: the export as a whole has failed.

    It happens to `jobs` exports of each client (0: to every one). Coping: order the export again, a bounded number of
    times; do not ask after the failed one for ever, and keep what an earlier export gave.
    """

    status: int = 500
    jobs: int = 1

    def __post_init__(self) -> None:
        check_status(self.status, STATUSES)
        check_jobs(self.jobs)

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Give an error in place of the manifest."""
        answer = exchange.result
        if not isinstance(answer, Answer) or answer.document is None:
            act.leave("no manifest")
        elif not strikes(act.memory, answer.job.client, answer.job.id, self.jobs):
            act.leave(f"happened {self.jobs} times to {answer.job.client}")
        else:
            exchange.result = Problem(self.status, "internal", "The export failed", value=answer.job.id)
            act.why = f"{self.status} in place of {sum(len(answer.document[s]) for s in ('output', 'error'))} files"
