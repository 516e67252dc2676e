"""Messages that are never sent."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk


@quirk("lost-message", family="hl7", ledger=("G4",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class LostMessage:
    """The message is drawn up, numbered, and never sent; nobody is told.

    Coping: notice the gap by number, or by what does not fit (a discharge without an admission), and reconcile with
    the hospital's records.
    """

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Drop it."""
        exchange.effect().dropped = True
