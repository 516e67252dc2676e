"""Merges that go in circles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, one_of, quirk

FORMS: Final = ("itself", "inverse", "twice", "several")


@quirk("odd-merge", family="hl7", ledger=("G8",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class OddMerge:
    """A merge (A40, A34, A18) names the survivor as the one to be replaced (`itself`), is followed by its `inverse`,
    comes `twice` under different control ids, or names `several` prior identifiers in MRG-1.

    Coping: refuse a merge into itself, let the last of two inverse ones count, merge what is merged no second time,
    and take every repetition of MRG-1 (arc#1086, #4589, #4697).
    """

    form: str = "inverse"

    def __post_init__(self) -> None:
        one_of("form", self.form, FORMS)

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Change the merge, or let another one follow."""
        message = Message(exchange.body)
        survivor, loser = message.bytes_at("PID-3"), message.bytes_at("MRG-1")
        if not survivor or not loser:
            act.leave("no merge")
            return
        act.why = self.form
        if self.form == "itself":
            message.set_bytes("MRG-1", survivor)
            exchange.body = bytes(message)
        elif self.form == "several":
            mark = message.delimiters.repetition
            message.set_bytes("MRG-1", loser + mark + b"999999" + message.delimiters.component * 4 + b"MR")
            exchange.body = bytes(message)
        else:
            message.set("MSH-10", message.header.control_id + "M")
            if self.form == "inverse":
                message.set_bytes("PID-3", loser)
                message.set_bytes("MRG-1", survivor)
            exchange.effect().followed += (bytes(message),)
