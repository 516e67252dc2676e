"""MLLP framing without sockets: bytes in, frames out, every irregularity noted with its offset.

A block is `0B payload 1C 0D` (HL7 v2 Transport, MLLP R1); release 2 adds blocks of a single octet, 06 or 15, that
commit or refuse the one before. Peers deviate: fragments, several blocks in one segment,
`1C 0D 0A`, CRLF or a second `0B` between blocks, a start or an end left out, a lone `1C` in the text. The deframer
gets through all of these and never loses the block that follows. What it yields does not depend on how the bytes
were cut into chunks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

START: Final = b"\x0b"
END: Final = b"\x1c\r"
FILE_SEPARATOR: Final = b"\x1c"
DEFAULT_LIMIT: Final = 100_000_000
"""Octets of one payload; more is refused as `too-long`."""
HEAD_KEPT: Final = 4096
"""Octets of a too long payload that are kept, so that its header can still be read and refused politely."""
Commit = Literal["ack", "nak"]
COMMITS: Final = MappingProxyType[Commit, bytes]({"ack": b"\x06", "nak": b"\x15"})
"""Payloads that are no messages: the commit acknowledgements of MLLP release 2."""
_HEADS: Final = (b"MSH", b"FHS", b"BHS")
_LINE_ENDS: Final = b"\r\n"
_SHOWN: Final = 32
_MARK: Final = re.compile(rb"\x0b|\x1c\r").search
"""The next start or end, whichever is first: in one pass, or a flood of one of them would cost its square."""
NOTED: Final = 256
"""Irregularities kept between two frames; a flood of them fills no memory."""

Irregularity = Literal[
    "junk",  # bytes that belong to no block
    "line-ends",  # only CR and LF between blocks
    "stray-end",  # a `1C 0D` that ends nothing
    "double-start",  # `0B 0B`
    "missing-start",  # a message without 0B before it
    "missing-end",  # the next 0B, or the end of the connection, came before 1C 0D
    "missing-cr",  # 1C without the CR, and then the next block, the end or silence
    "lone-fs",  # 1C inside the payload
    "empty",  # nothing between 0B and 1C 0D
    "too-long",  # more than the limit; the rest was thrown away
]


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One irregularity. `offset` counts octets since the connection began; `octets` shows the first of them."""

    kind: Irregularity
    offset: int
    octets: bytes = b""


@dataclass(frozen=True, slots=True)
class Frame:
    """One payload, and what was irregular before, around or in it."""

    payload: bytes
    anomalies: tuple[Anomaly, ...] = ()

    @property
    def commit(self) -> Commit | None:
        """What a commit acknowledgement says; None if this is a message."""
        payload = self.payload
        if len(payload) != 1:
            return None
        return "ack" if payload == b"\x06" else "nak" if payload == b"\x15" else None

    @property
    def complete(self) -> bool:
        """False if part of the payload is missing: never terminated, or too long."""
        if not self.anomalies:
            return True
        return not any(anomaly.kind in ("missing-end", "too-long") for anomaly in self.anomalies)


def frame(payload: bytes) -> bytes:
    """The payload as one regular block."""
    return b"\x0b" + payload + b"\x1c\r"


class Deframer:
    """Collects the bytes of one connection; `feed` gives the frames that they complete.

    `limit` bounds one payload, and thereby the memory held (octets).
    """

    __slots__ = ("_anomalies", "_base", "_buffer", "_scanned", "_state", "limit")

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self._buffer = bytearray()
        self._base = 0
        self._scanned = 0
        self._state: Literal["outside", "inside", "discarding"] = "outside"
        self._anomalies: list[Anomaly] = []

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes; return the frames that they complete, in order."""
        if (
            not self._buffer
            and self._state == "outside"
            and not self._anomalies
            and data[:1] == START
            and data[-2:] == END
            and data.count(FILE_SEPARATOR) == 1
            and data.count(START) == 1
            and 3 < len(data) <= self.limit + 3
        ):
            self._base += len(data)
            return [Frame(data[1:-2])]
        self._buffer += data
        frames: list[Frame] = []
        while self._step(frames):
            pass
        return frames

    @property
    def poised(self) -> bool:
        """True if the bytes so far end in a 1C: only the final CR of a block is missing."""
        return self._state == "inside" and self._buffer.endswith(FILE_SEPARATOR)

    @property
    def waiting(self) -> int:
        """Octets held that complete no frame yet."""
        return len(self._buffer)

    @property
    def unattached(self) -> tuple[Anomaly, ...]:
        """Irregularities seen since the last frame."""
        return tuple(self._anomalies)

    def finish(self) -> list[Frame]:
        """Give up waiting (end of connection, or silence while `poised`): what is left, marked as what it lacks."""
        frames: list[Frame] = []
        rest = bytes(self._buffer)
        if self._state == "inside" and rest:
            self._emit_unended(frames, rest)
        elif self._state == "outside" and rest:
            self._salvage(frames, rest, ended=False)
        self._take(len(rest))
        self._state = "outside"
        return frames

    def _step(self, frames: list[Frame]) -> bool:
        if not self._buffer:
            return False
        if self._state == "outside":
            return self._step_outside(frames)
        start, end = self._next_mark()
        if self._state == "discarding":
            return self._step_discarding(start, end)
        stop = start if start >= 0 else end
        if (stop if stop >= 0 else len(self._buffer) - 1) > self.limit:
            return self._refuse(frames)
        if start >= 0:
            if start:
                self._emit_unended(frames, self._first(start))
            else:
                self._note("double-start", 0, START)
            self._take(start + 1)
            return True
        if end >= 0:
            self._emit(frames, self._first(end))
            self._take(end + 2)
            self._state = "outside"
            return True
        self._scanned = len(self._buffer)
        return False

    def _next_mark(self) -> tuple[int, int]:
        """Where the next start or the next end is, the other one being -1; an end may begin in what was scanned."""
        mark = _MARK(self._buffer, max(self._scanned - 1, 0))
        if mark is None:
            return -1, -1
        place = mark.start()
        return (place, -1) if self._buffer[place] == START[0] else (-1, place)

    def _step_outside(self, frames: list[Frame]) -> bool:
        start, end = self._next_mark()
        if end >= 0:
            self._salvage(frames, self._first(end), ended=True)
            self._take(end + 2)
            return True
        if start >= 0:
            if start:
                self._salvage(frames, self._first(start), ended=False)
            self._take(start + 1)
            self._state = "inside"
            return True
        if len(self._buffer) > self.limit:
            self._note("junk", 0, self._first(_SHOWN))
            self._take(len(self._buffer) - 1)
        self._scanned = len(self._buffer)
        return False

    def _step_discarding(self, start: int, end: int) -> bool:
        if start >= 0:
            self._take(start + 1)
            self._state = "inside"
            return True
        if end >= 0:
            self._take(end + 2)
            self._state = "outside"
            return True
        # All but the last octet can go: it may be the 1C of a terminator cut in two.
        self._take(len(self._buffer) - 1)
        return False

    def _refuse(self, frames: list[Frame]) -> bool:
        self._note("too-long", 0)
        self._emit(frames, self._first(min(self.limit, HEAD_KEPT)))
        self._take(self.limit)
        self._state = "discarding"
        return True

    def _emit(self, frames: list[Frame], payload: bytes) -> None:
        if not payload:
            self._note("empty", 0)
        lone = payload.find(FILE_SEPARATOR)
        if lone >= 0:
            self._note("lone-fs", lone, payload[lone : lone + 2])
        frames.append(Frame(payload, tuple(self._anomalies)))
        self._anomalies.clear()

    def _emit_unended(self, frames: list[Frame], payload: bytes) -> None:
        trimmed = payload.removesuffix(b"\n").removesuffix(FILE_SEPARATOR)
        if len(payload) - len(trimmed) and payload[len(trimmed) :].startswith(FILE_SEPARATOR):
            self._note("missing-cr", len(trimmed), payload[len(trimmed) :])
            payload = trimmed
        else:
            self._note("missing-end", len(payload))
        self._emit(frames, payload)

    def _salvage(self, frames: list[Frame], junk: bytes, *, ended: bool) -> None:
        """Bytes outside any block: a message without its start, or junk."""
        places = [place for place in (junk.find(head) for head in _HEADS) if place >= 0]
        head = min(places, default=len(junk))
        if head:
            self._note("line-ends" if not junk[:head].strip(_LINE_ENDS) else "junk", 0, junk[:head][:_SHOWN])
        if not places:
            if ended:
                self._note("stray-end", len(junk), END)
            return
        self._note("missing-start", head)
        if ended:
            self._emit(frames, junk[head:])
        else:
            self._emit_unended(frames, junk[head:])

    def _note(self, kind: Irregularity, position: int, octets: bytes = b"") -> None:
        if len(self._anomalies) < NOTED or kind in ("missing-end", "too-long"):  # these say what the frame lacks
            self._anomalies.append(Anomaly(kind, self._base + position, octets))

    def _first(self, count: int) -> bytes:
        # A slice of the buffer would be a second copy, which counts where a message is large.
        with memoryview(self._buffer) as view:
            return bytes(view[:count])

    def _take(self, count: int) -> None:
        del self._buffer[:count]
        self._base += count
        self._scanned = 0
