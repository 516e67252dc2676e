"""Connections that are cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk


@quirk("reset", family="wire", ledger=("C5",), channels=("fhir", "token", "files", "feed", "proprietary", "mllp-in"))
@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset `before` the first byte of the answer or `midway` through its body.

    A write was committed all the same. Coping: retry reads; before repeating a write, look whether it is there.
    """

    at: str = "before"

    def __post_init__(self) -> None:
        if self.at not in ("before", "midway"):
            raise ValueError(f"at is {self.at!r}; it must be before or midway")

    def on_wire(self, exchange: Exchange, act: Act) -> None:
        """Mark the reply to be cut."""
        exchange.effect().reset = cast(Literal["before", "midway"], self.at)
