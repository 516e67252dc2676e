"""How one payload is put onto an MLLP connection: regular, or with every liberty that peers take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from mockehr.core.exchange import Effects
from mockehr.hl7.frame import END, START, frame

PIECE_PAUSE: Final = 0.001
"""Seconds between the pieces of a split frame, so that they leave as segments of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """Octets around and instead of those of the frame, the pieces it is cut into, what becomes of the connection."""

    prefix: bytes = b""
    suffix: bytes = b""
    start: bytes | None = None
    """In place of 0B; empty leaves it out."""
    end: bytes | None = None
    """In place of 1C 0D; empty leaves it out."""
    copies: int = 0
    """How many more times the block is written."""
    split: int | None = None
    """Pieces of so many octets. A negative number cuts once, that many octets before the end of the (last) block:
    -1 leaves its final CR in a segment of its own."""
    drip: tuple[int, float] | None = None
    """(octets, seconds): pieces of that size with that pause between them."""
    close: bool = False
    """Close the connection afterwards."""
    lost: bool = False
    """Write nothing and close; with `stall`, write nothing."""
    reset: Literal["", "before", "midway"] = ""
    """Cut the connection (TCP RST): in place of all octets, or after half of them."""
    stall: bool = False
    """Read nothing more from this connection, and keep it open."""

    @classmethod
    def of(cls, effects: Effects | None, wall: Callable[[float], float] = float) -> Manner:
        """What an exchange's effects ask of its octets. `wall` makes wall seconds of the site's: 0 for a clock that
        is frozen, which makes nobody wait."""
        if effects is None:
            return REGULAR
        return cls(
            prefix=effects.prefix,
            suffix=effects.suffix,
            start=effects.start,
            end=effects.end,
            copies=effects.copies,
            split=effects.split,
            drip=(effects.drip[0], wall(effects.drip[1])) if effects.drip is not None else None,
            close=effects.close,
            lost=effects.lost,
            reset=effects.reset,
            stall=effects.stall,
        )

    @property
    def silent(self) -> bool:
        """True if not one octet is written."""
        return self.lost or self.reset == "before"

    def octets(self, payload: bytes | None) -> bytes:
        """All that is written for a payload; None is no block, but what lies around it."""
        return self.prefix + self._block(payload) * (self.copies + 1) + self.suffix

    def pieces(self, payload: bytes | None) -> Iterator[tuple[float, bytes]]:
        """(pause before it in seconds, octets) of each write; nothing if there is nothing to write."""
        return cut(((payload, self),))

    def _block(self, payload: bytes | None) -> bytes:
        if payload is None:
            return b""
        if self.start is None and self.end is None:
            return frame(payload)
        start, end = (START if self.start is None else self.start), (END if self.end is None else self.end)
        return start + payload + end

    def _cuts(self, size: int) -> tuple[float, range | tuple[int, ...]]:
        """(pause, places) at which `size` octets are cut."""
        if self.drip is not None:
            return self.drip[1], range(self.drip[0], size, self.drip[0])
        if self.split is None or self.split == 0:
            return 0.0, ()
        if self.split > 0:
            return PIECE_PAUSE, range(self.split, size, self.split)
        place = size - len(self.suffix) + self.split
        return PIECE_PAUSE, ((place,) if 0 < place < size else ())


REGULAR: Final = Manner()


def cut(blocks: Sequence[tuple[bytes | None, Manner]]) -> Iterator[tuple[float, bytes]]:
    """(pause before it in seconds, octets) of each write for blocks that leave together.

    Pieces are those that the last block's manner asks for; of a reset `midway` it is the first half of the octets.
    """
    octets = b"".join(manner.octets(payload) for payload, manner in blocks if not manner.silent)
    manner = blocks[-1][1]
    if manner.reset == "midway":
        octets = octets[: len(octets) // 2]
    if not octets:
        return
    pause, places = manner._cuts(len(octets))
    bounds = (0, *places, len(octets))
    for start, end in pairwise(bounds):
        yield (pause if start else 0.0), octets[start:end]
