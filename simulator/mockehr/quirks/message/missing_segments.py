"""Segments that a grammar wants, and that are not there."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, quirk


@quirk("missing-segments", family="message", ledger=("G7",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class MissingSegments:
    """Segments named in `segments` are left out (PV1, ORC, RGS and EVN often are); `pseudo_visit` puts a PV1 that
    says nothing (`PV1||N`) in place of the real one; `reordered` moves the others that are named to the end.

    Coping: take what is there, and refuse with ERR 100 only what cannot be filed without the segment (arc#4589).
    """

    segments: tuple[str, ...] = ("PV1",)
    pseudo_visit: bool = False
    reordered: bool = False

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Take them out."""
        message = Message(exchange.body)
        found = [segment for segment in message.segments if segment.id in self.segments and segment.id != "MSH"]
        if not found:
            act.leave(f"no {' or '.join(self.segments)} in it")
            return
        for segment in found:
            if self.pseudo_visit and segment.id == "PV1":
                place = next(number for number, one in enumerate(message.segments) if one is segment)
                message.insert(place, b"PV1" + message.delimiters.field * 2 + b"N")
            message.remove(segment)
            if self.reordered:
                message.append(bytes(segment))
        exchange.body = bytes(message)
        act.why = f"{len(found)} {'moved' if self.reordered else 'left out'}"
