"""A single octet in place of an acknowledgement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.frame import frame
from mockehr.quirks.base import Act, one_of, quirk

OCTETS: Final = {"nak": b"\x15", "ack": b"\x06", "eot": b"\x04"}


@quirk("nak-octet", family="hl7", ledger=("G2",), channels=("mllp-in",))
@dataclass(frozen=True, slots=True)
class NakOctet:
    """A frame with one octet answers: `nak` (15) or `ack` (06), as in MLLP release 2, or `eot` (04), as one engine
    says goodbye. The message was applied. With `followed` the acknowledgement comes behind it.

    Coping: take 06 and 15 for what release 2 means by them, or for no answer; never for a message (dcm4che#655).
    """

    octet: str = "nak"
    followed: bool = False

    def __post_init__(self) -> None:
        one_of("octet", self.octet, OCTETS)

    def on_ack(self, exchange: Exchange, act: Act) -> None:
        """Answer with the octet."""
        reply = exchange.reply
        if reply is None or not reply.body:
            act.leave("nobody asked for an acknowledgement")
            return
        act.why = self.octet
        if self.followed:
            exchange.effect().prefix += frame(OCTETS[self.octet])
        else:
            reply.body = OCTETS[self.octet]
