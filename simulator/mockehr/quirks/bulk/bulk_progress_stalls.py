"""Exports that are almost done for a long time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.fhir.bulk import Answer
from mockehr.quirks.base import Act, one_of, quirk
from mockehr.quirks.exported import POLLS
from mockehr.quirks.rule import Seconds

FORMS: Final = ("stuck", "backwards", "silent")


@quirk("bulk-progress-stalls", family="bulk", ledger=("D13",), channels=("files",), interactions=POLLS)
@dataclass(frozen=True, slots=True)
class BulkProgressStalls:
    """An export takes `longer` than it should. Meanwhile `X-Progress` is `stuck` at 99 %, goes `backwards` from poll
    to poll, or is `silent` and missing.

    Polls are answered 202 with `Retry-After: retry_after`. Coping: go by the status alone; `X-Progress` is a text for
    people. Set a deadline of one's own that leaves a slow site its time, and order nothing twice before.
    """

    longer: Seconds = 60.0
    form: str = "backwards"
    retry_after: int = 5

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)
        if self.retry_after < 0:
            raise ValueError(f"retry_after is {self.retry_after}; it must be 0 or more")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Say that it is not done yet, and how far it claims to be."""
        answer = exchange.result
        if not isinstance(answer, Answer):
            act.leave("no answer to a poll")
            return
        left = answer.job.due + self.longer - act.now
        if left <= 0:
            act.leave("done at last")
            return
        polls = act.memory[answer.job.id] = act.memory.get(answer.job.id, 0) + 1
        percent = 99 if self.form == "stuck" else max(0, 100 - 10 * polls)
        told = "" if self.form == "silent" else f"{percent}% complete"
        exchange.result = replace(answer, document=None, progress=told, retry_after=self.retry_after)
        act.why = f"X-Progress {told or 'missing'}; {left:g} s left"
