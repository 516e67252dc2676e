"""Messages that come more than once."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk


@quirk("duplicate-message", family="hl7", ledger=("G3",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class DuplicateMessage:
    """The same message, MSH-10 and all, is sent `times` times, as after an acknowledgement that was lost.

    Coping: acknowledge each, apply one (mirth#1314, VistA IVM*2*86).
    """

    times: int = 2

    def __post_init__(self) -> None:
        if not 2 <= self.times <= 100:
            raise ValueError(f"times is {self.times}; it must be between 2 and 100")

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Send it again."""
        exchange.effect().copies += self.times - 1
