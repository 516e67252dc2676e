"""Exports that must not be asked after too often."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Any, Final

from mockehr.core.exchange import Exchange
from mockehr.core.problem import Problem
from mockehr.fhir.bulk import Answer
from mockehr.quirks.base import Act, one_of, quirk
from mockehr.quirks.budget import told_wait
from mockehr.quirks.exported import POLLS, check_status
from mockehr.quirks.rule import Seconds

PENALTIES: Final = ("none", "grows", "restart")


@quirk("bulk-poll-throttled", family="bulk", ledger=("D13", "C2"), channels=("files",), interactions=POLLS)
@dataclass(frozen=True, slots=True)
class BulkPollThrottled:
    """A poll that comes sooner than the `Retry-After` of the one before is answered 429 (or `status` 503).

    The `penalty` for it: `none`, the wait `grows` twofold with each such poll in a row up to `longest`, or the export
    has to `restart`, so that it takes its whole time again. `retry_after` tells the wait in `seconds` or as a `date`.
    Coping: wait as long as the last answer said, whatever it was (Bulk Data Access 2.0, "Bulk Data Status Request").
    """

    penalty: str = "grows"
    retry_after: str = "seconds"
    status: int = 429
    longest: Seconds = 3600.0

    def __post_init__(self) -> None:
        one_of("penalty", self.penalty, PENALTIES)
        one_of("retry_after", self.retry_after, ("seconds", "date"))
        check_status(self.status, (429, 503))

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Refuse a poll that comes too soon, and remember until when the next one would."""
        answer = exchange.result
        if not isinstance(answer, Answer):
            act.leave("no answer to a poll")
            return
        kept: dict[str, Any] = act.memory.setdefault(answer.job.id, {"until": 0.0, "told": 0, "row": 0, "done": 0.0})
        if act.now < kept["until"]:
            self._refuse(exchange, answer, kept, act)
            return
        kept["row"] = 0
        if act.now < kept["done"]:
            exchange.result = replace(answer, document=None, progress="0%", retry_after=kept["told"])
            act.why = f"began again, takes {kept['done'] - act.now:g} s more"
        elif answer.document is not None:
            act.leave("came in time")
            return
        else:
            kept["told"] = answer.retry_after
            act.leave(f"is to come back in {answer.retry_after} s")
        kept["until"] = act.now + kept["told"]

    def _refuse(self, exchange: Exchange, answer: Answer, kept: dict[str, Any], act: Act) -> None:
        early = kept["until"] - act.now
        kept["row"] += 1
        wait = ceil(early)
        if self.penalty == "grows":
            wait = max(1, ceil(min(self.longest, kept["told"] * 2.0 ** kept["row"])))
        elif self.penalty == "restart":
            wait = kept["told"]
            kept["done"] = act.now + answer.job.due - answer.job.kicked_off
        if self.penalty != "none":
            ends = act.now + wait
            kept["until"] = floor(ends) if self.retry_after == "date" else ends  # a date has no parts of a second
        told = told_wait(self.retry_after, wait, act.now)
        text = "The export was asked after too soon"
        exchange.result = Problem(self.status, "rate-limited", text, retry_after=told)
        act.why = f"{early:.3f} s too soon, {kept['row']} in a row, {wait} s told"
