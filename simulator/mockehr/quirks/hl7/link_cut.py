"""Connections that end at the wrong moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, one_of, quirk

MOMENTS: Final = ("before-ack", "after-ack", "reset", "midway")


@quirk("link-cut", family="hl7", ledger=("G9",), channels=("mllp-in", "mllp-out"))
@dataclass(frozen=True, slots=True)
class LinkCut:
    """The connection ends `before-ack` (the message was applied, or sent), `after-ack`, by a `reset`, or `midway`,
    with half of the octets written.

    Coping: connect again, slower each time, and send again what was not acknowledged, with the same MSH-10; take in
    a second time nothing that was applied (mirth#1889, #836).
    """

    at: str = "before-ack"

    def __post_init__(self) -> None:
        one_of("at", self.at, MOMENTS)

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Mark the end of the connection."""
        effects = exchange.effect()
        act.why = self.at
        if self.at == "before-ack":
            effects.lost = True
        elif self.at == "after-ack":
            effects.close = True
        else:
            effects.reset = "before" if self.at == "reset" else "midway"
