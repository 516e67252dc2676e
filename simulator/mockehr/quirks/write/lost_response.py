"""The write is committed and its answer is lost."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk


@quirk(
    "lost-response",
    family="write",
    ledger=("C6",),
    channels=("fhir", "mllp-in"),
    interactions=("create", "update", "patch", "delete", "transaction", "batch"),
)
@dataclass(frozen=True, slots=True)
class LostResponse:
    """The server does the work and closes the connection without a word.

    Coping: before repeating, ask by conditional create, search or idempotency key.
    """

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Send nothing, if something was committed."""
        if exchange.changes:
            exchange.effect().lost = True
            act.why = f"change {exchange.changes[-1]} stays committed"
        else:
            act.leave("nothing was committed")
