"""Acknowledgements of another level than was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.frame import frame
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = ("accept-for-application", "application-for-accept", "two-phase")


@quirk("ack-level", family="hl7", ledger=("G2",), channels=("mllp-in",))
@dataclass(frozen=True, slots=True)
class AckLevel:
    """CA comes where AA was to come (`accept-for-application`), AA where CA was to come (`application-for-accept`),
    or both, one after the other, to one who asked for one (`two-phase`).

    Coping: take CA for "it is there" and AA for "it is done", and do not wait for the one that you did not ask for
    (mirth#3007, medplum#7115).
    """

    form: str = "two-phase"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_ack(self, exchange: Exchange, act: Act) -> None:
        """Change the level, or put an accept acknowledgement before."""
        reply = exchange.reply
        code = Message(reply.body).get("MSA-1") if reply is not None and reply.body.startswith(b"MSH") else ""
        wanted = "C" if self.form == "application-for-accept" else "A"
        if reply is None or not code.startswith(wanted):
            act.leave(f"no {'accept' if wanted == 'C' else 'application'} acknowledgement")
            return
        other = Message(reply.body)
        other.set_bytes("MSA-1", (("A" if wanted == "C" else "C") + code[1]).encode())
        act.why = f"{other.get('MSA-1')} {'before' if self.form == 'two-phase' else 'in place of'} {code}"
        if self.form == "two-phase":
            exchange.effect().prefix += frame(bytes(other))
        else:
            reply.body = bytes(other)
