"""Octets that trickle."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds


@quirk("slow-link", family="hl7", ledger=("G5", "G9"), channels=("mllp-in", "mllp-out"))
@dataclass(frozen=True, slots=True)
class SlowLink:
    """What the site writes comes in pieces of `octets`, `pause` apart.

    Coping: collect until 1C 0D, with a bound on the silence rather than on the whole (amida-tech/mllp#1).
    """

    octets: int = 16
    pause: Seconds = 0.05

    def __post_init__(self) -> None:
        if self.octets < 1:
            raise ValueError(f"octets is {self.octets}; it must be at least 1")

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Let it drip."""
        exchange.effect().drip = (self.octets, float(self.pause))
