"""Messages that overtake one another."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk


@quirk("reordered-message", family="hl7", ledger=("G4",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class ReorderedMessage:
    """The message is sent behind the next `by` messages of its link: a discharge before the admission, the corrected
    result before the final one.

    Coping: order by the time of the event (EVN-6, EVN-2, OBR-22) rather than by arrival; keep what comes too early.
    """

    by: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.by <= 1000:
            raise ValueError(f"by is {self.by}; it must be between 1 and 1000")

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Hold it back."""
        exchange.effect().hold = self.by
