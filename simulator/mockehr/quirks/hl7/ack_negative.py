"""Messages that are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.faults import TABLE_0357, Fault, Rejection
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

CODES: Final = ("AE", "AR", "CE", "CR")


@quirk("ack-negative", family="hl7", ledger=("G2",), channels=("mllp-in",))
@dataclass(frozen=True, slots=True)
class AckNegative:
    """The message is refused with `code` and, in an ERR segment, `error` of table 0357 and a `text`. It is not
    applied, unless `applied`: then the refusal is a lie.

    Coping: after AE or CE mend the message or park it, after AR or CR stop and ask; a system that is locked (206) or
    down (207) may be tried again, slowly; never send the same for ever (mirth#734, #2049).
    """

    code: str = "AE"
    error: int = 207
    text: str = ""
    applied: bool = False

    def __post_init__(self) -> None:
        one_of("code", self.code, CODES)
        if self.error not in TABLE_0357:
            raise ValueError(f"error is {self.error}; table 0357 has {', '.join(map(str, TABLE_0357))}")

    def takes_part(self, channel: str, capability: str) -> bool:
        """One that lies acts on the acknowledgement, else on the message."""
        return self.applied == (capability == "on_ack")

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Refuse it before anything is applied."""
        fault = Fault(self.error, text=self.text)
        exchange.result = Rejection("AR" if self.code[1] == "R" else "AE", fault)
        act.why = f"{self.code} {self.error} {fault.meaning}"

    def on_ack(self, exchange: Exchange, act: Act) -> None:
        """Refuse what was applied."""
        reply = exchange.reply
        if reply is None or not reply.body.startswith(b"MSH"):
            act.leave("nobody asked for an acknowledgement, or it is none any more")
            return
        ack = Message(reply.body)
        ack.set_bytes("MSA-1", self.code.encode())
        ack.set("MSA-3", self.text or TABLE_0357[self.error])
        reply.body = bytes(ack)
        act.why = f"{self.code}, though applied"
