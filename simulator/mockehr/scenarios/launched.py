"""What became of the launches that a scenario drives: plain facts, for probes and reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Expected = Literal["completed", "refused", "any"]
LAUNCHES: Final = "launches"
"""Under which name `Case.expected` has a tuple of Launched."""


@dataclass(frozen=True, slots=True)
class Launched:
    """One launch that was driven to its end."""

    site: str
    outcome: str
    """`completed`, `refused`, `failed` or `needs-browser` (`mockehr.edge.launch_record`)."""
    what: str
    """In words, why it ended like that."""
    entry: int
    """The site's journal entry of its opening."""
    expected: Expected = "any"
