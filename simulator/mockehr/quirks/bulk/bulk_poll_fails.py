"""Polls that fail while the export goes on."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.bulk import Answer
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.exported import POLLS, check_status
from mockehr.quirks.rule import Seconds

STATUSES: Final = (500, 502, 503, 504)


@quirk("bulk-poll-fails", family="bulk", ledger=("D13",), channels=("files",), interactions=POLLS)
@dataclass(frozen=True, slots=True)
class BulkPollFails:
    """The first `times` polls of an export are answered with a 5xx `status` that is not about the export: the issue
    of its OperationOutcome is `transient` (Bulk Data Access 2.0, "Response - Error Status"), and the export goes on.

    `retry_after` tells a wait, 0 none. Coping: wait and ask after the same export again; do not order another.
    """

    times: int = 1
    status: int = 503
    retry_after: Seconds = 0.0

    def __post_init__(self) -> None:
        check_status(self.status, STATUSES)
        if self.times < 1:
            raise ValueError(f"times is {self.times}; it must be 1 or more")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Refuse the poll for now."""
        answer = exchange.result
        if not isinstance(answer, Answer):
            act.leave("no answer to a poll")
            return
        failed = act.memory.get(answer.job.id, 0)
        if failed >= self.times:
            act.leave(f"failed {failed} times")
            return
        act.memory[answer.job.id] = failed + 1
        told = str(ceil(self.retry_after)) if self.retry_after else ""
        text = "The state of the export cannot be told now; ask again"
        exchange.result = Problem(self.status, "unavailable", text, retry_after=told)
        act.why = f"{failed + 1} of {self.times}"
