"""What a site answered to the HL7 messages that it took, so that one that comes again is not applied again.

A message is known by MSH-3, MSH-4 and MSH-10 (as InterSystems' sequence manager does). Only what was applied is
remembered: what was refused may be sent again when its cause is mended.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from mockehr.hl7.header import Header
from mockehr.sites.spool import Spool

KEPT: Final = 10_000
"""Answers remembered, newest first."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The acknowledgements that a message got, in order, and its journal entry (of an earlier run, maybe)."""

    entry: int
    acks: tuple[bytes, ...]


def identity_of(header: Header) -> str:
    """Who sent which message: MSH-3, MSH-4 and MSH-10 as they stand."""
    return b"\x1f".join((header.field(3), header.field(4), header.field(10))).decode("latin-1")


class Inbox:
    """The answers of one site, in memory for look-up and in the spool to last."""

    def __init__(self, spool: Spool, *, kept: int = KEPT) -> None:
        self._spool = spool
        self._kept = kept
        self._answers = OrderedDict((key, Remembered(entry, acks)) for key, entry, acks in spool.remembered())

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: str) -> Remembered | None:
        """How a message was answered before; None if it is new."""
        return self._answers.get(key)

    def remember(self, key: str, entry: int, acks: tuple[bytes, ...]) -> None:
        """That a message was applied and answered so."""
        self._answers[key] = Remembered(entry, acks)
        if len(self._answers) > self._kept:
            self._answers.popitem(last=False)
        self._spool.remember(key, entry, acks, self._kept)

    def clear(self) -> None:
        """Forget all answers in memory; the spool is cleared as a whole."""
        self._answers.clear()
