"""Updates that say nothing new."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.hl7.message import Message
from mockehr.quirks.base import Act, quirk


@quirk("update-storm", family="hl7", ledger=("G3",), channels=("mllp-out",))
@dataclass(frozen=True, slots=True)
class UpdateStorm:
    """An ADT message is followed by `times` updates (A08) of the same patient that change nothing, each with a
    control id of its own, as a nightly job sends them.

    Coping: compare before writing, keep up, and make no new version of what is the same (saga-it.com ADT notes).
    """

    times: int = 20

    def __post_init__(self) -> None:
        if not 1 <= self.times <= 1000:
            raise ValueError(f"times is {self.times}; it must be between 1 and 1000")

    def on_message(self, exchange: Exchange, act: Act) -> None:
        """Let the updates follow."""
        message = Message(exchange.body)
        if not message.header.kind.startswith("ADT^") or message.segment("MRG") is not None:
            act.leave("no ADT about one patient")
            return
        own = message.header.control_id
        message.set("MSH-9.2", "A08")
        message.set("EVN-1", "A08")
        if message.get("MSH-9.3"):
            message.set("MSH-9.3", "ADT_A01")
        followers = []
        for number in range(1, self.times + 1):
            message.set("MSH-10", f"{own}U{number}")
            followers.append(bytes(message))
        exchange.effect().followed += tuple(followers)
        act.why = f"{self.times} updates follow"
