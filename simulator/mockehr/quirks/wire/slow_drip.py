"""Bodies that come a few octets at a time."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.rule import Seconds


@quirk("slow-drip", family="wire", ledger=("C3",), channels=("fhir", "files", "feed", "proprietary"))
@dataclass(frozen=True, slots=True)
class SlowDrip:
    """The head comes at once and the body `octets` at a time with a `pause` after each piece, so that a time-out
    between two reads never strikes, however long the whole takes.

    Seen: No slow body is on record. Time-outs are (two in a harvest of Epic's 739 published endpoints, some of
    MEDITECH's; the-map, production fleets, 2026), and what was waited for they do not tell; the time-out of Python's
    requests counts from octet to octet (its documentation, Timeouts). Coping: a limit for the whole answer beside
    that for each read.
    """

    octets: int = 64
    pause: Seconds = 1.0

    def __post_init__(self) -> None:
        if self.octets < 1:
            raise ValueError(f"octets is {self.octets}; it must be 1 or more")

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Set the pace of the body."""
        size = len(exchange.reply.body) if exchange.reply is not None else 0
        if not size or exchange.method == "HEAD":
            act.leave("no body to slow down")
            return
        exchange.effect().drip = (self.octets, self.pause)
        act.why = f"{-(-size // self.octets)} pieces or fewer, {self.pause:g} s apart"
