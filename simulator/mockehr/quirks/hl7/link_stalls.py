"""Connections that stay open and do nothing any more."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk


@quirk("link-stalls", family="hl7", ledger=("G9",), channels=("mllp-in",))
@dataclass(frozen=True, slots=True)
class LinkStalls:
    """Half-open: from this message on nothing is read from the connection and nothing answered, though it stays
    open.

    Coping: bound the time of writing as well as that of waiting, close what is dead, and connect anew (mirth#1077,
    medplum#3560).
    """

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Read no more, and say nothing."""
        effects = exchange.effect()
        effects.stall = effects.lost = True
