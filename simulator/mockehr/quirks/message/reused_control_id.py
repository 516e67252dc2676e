"""Control ids that do not tell messages apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = ("constant", "previous", "empty", "minute")


@quirk("reused-control-id", family="message", ledger=("G3",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class ReusedControlId:
    """Different messages carry the same MSH-10: a `constant` one, that of the `previous` message, an `empty` one, or
    the time to the `minute`.

    Coping: take messages for the same only if all of them is the same, not by MSH-10 alone
    (prime-reportstream#15982, metriport#4563); acknowledge the one that came.
    """

    form: str = "constant"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Set MSH-10."""
        message = Message(exchange.body)
        own = message.header.control_id
        known = str(act.memory.get("previous", own))
        act.memory["previous"] = own
        stamp = message.header.field(7)[:12].decode("latin-1")
        wanted = {"constant": "11D0000000", "previous": known, "empty": "", "minute": stamp}[self.form]
        if wanted == own:
            act.leave("it is so already")
            return
        message.set_bytes("MSH-10", wanted.encode("ascii", "replace"))
        exchange.body = bytes(message)
        act.why = f"{wanted or 'nothing'} in place of {own}"
