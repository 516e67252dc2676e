"""Batch files that do not hold what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.hl7.batch import Plan
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = ("count-high", "count-low", "file-count", "truncated", "no-headers", "twice", "repeated", "empty")


@quirk("odd-batch", family="hl7", ledger=("G11",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class OddBatch:
    """A file of messages whose BTS-1 is too high by `by` (`count-high`) or too low (`count-low`), whose FTS-1 says 2
    (`file-count`), that is `truncated` in its last message, has `no-headers`, is laid `twice` under two names,
    has its first message `repeated` at the end, or is `empty` though its count is not.

    Coping: compare the counts before applying anything, take a file only when it is whole, and apply a message that
    was taken before no second time (prime-reportstream#17340, #8738, #6318).
    """

    form: str = "count-high"
    by: int = 65

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)
        if self.by < 1:
            raise ValueError(f"by is {self.by}; it must be at least 1")

    def on_batch(self, plan: Plan, act: Act) -> None:
        """Change the plan."""
        act.why = self.form
        count = len(plan.messages)
        if self.form == "count-high":
            plan.batch_count = count + self.by
        elif self.form == "count-low":
            plan.batch_count = max(count - self.by, 0)
        elif self.form == "file-count":
            plan.file_count = 2
        elif self.form == "truncated":
            ends = len(f"BTS|{count}\rFTS|1\r") if plan.headers else 0
            plan.cut = ends + max(len(plan.messages[-1]) // 2, 1)
        elif self.form == "no-headers":
            plan.headers = False
        elif self.form == "twice":
            plan.again += 1
        elif self.form == "repeated":
            plan.messages.append(plan.messages[0])
        else:
            plan.messages.clear()
            plan.batch_count = count
