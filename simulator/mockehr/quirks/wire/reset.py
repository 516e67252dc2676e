"""Connections that are cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, one_of, quirk
from mockehr.quirks.wire.connection_refused import NOT_DONE


@quirk("reset", family="wire", ledger=("C5",), channels=("fhir", "token", "files", "feed", "proprietary", "mllp-in"))
@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset `before` the first byte of the answer or `midway` through its body; or, over HTTP, `at`
    the end of the `request`, of which nothing is done then.

    A write was committed all the same in the first two cases, and the client cannot tell them from the third. Coping:
    retry reads; before repeating a write, look whether it is there.
    """

    at: str = "before"

    def __post_init__(self) -> None:
        one_of("at", self.at, ("before", "midway", "request"))

    def takes_part(self, channel: str, capability: str) -> bool:
        """Before anything is done, or when the answer goes out."""
        if self.at == "request":
            return capability == "on_request" and not channel.startswith("mllp")
        return capability == "on_wire"

    def on_request(self, exchange: Exchange, act: Act) -> None:
        """Do nothing, and have the connection cut."""
        exchange.result = NOT_DONE
        exchange.effect().reset = "before"
        act.why = "nothing was done"

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Mark the reply to be cut."""
        exchange.effect().reset = cast(Literal["before", "midway"], self.at)
