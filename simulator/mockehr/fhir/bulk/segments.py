"""Files of NDJSON: lines go in, gzip of a fixed form comes out; and a cache of them that its octets bound."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Hashable
from hashlib import blake2b
from typing import Final

from mockehr.fhir.bulk.job import Note, Segment

LEVEL: Final = 1
"""Of compression: FHIR shrinks tenfold at once."""
GZIP: Final = 31
"""zlib's word for gzip; its time stamp is 0, so that equal lines give equal octets."""
BUFFER: Final = 64 << 10
"""Octets of lines that are compressed together."""


class Writer:
    """The lines of one section and type within a chunk, cut into files of at most `most` lines (0: one file)."""

    def __init__(self, section: str, kind: str, chunk: int, most: int) -> None:
        self._of = (section, kind, chunk)
        self._most = most
        self._done: list[Segment] = []
        self._begin()

    def _begin(self) -> None:
        self._machine = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
        self._digest = blake2b(digest_size=6)
        self._packed: list[bytes] = []
        self._waiting: list[bytes] = []
        self._held = 0
        self._lines = self._octets = 0

    def add(self, line: bytes) -> None:
        """One line, without its end."""
        if self._most and self._lines == self._most:
            self._finish()
            self._begin()
        self._waiting += (line, b"\n")
        self._held += len(line) + 1
        self._lines += 1
        if self._held >= BUFFER:
            self._flush()

    def _flush(self) -> None:
        octets = b"".join(self._waiting)
        self._digest.update(octets)
        self._packed.append(self._machine.compress(octets))
        self._octets += len(octets)
        self._waiting.clear()
        self._held = 0

    def _finish(self) -> None:
        self._flush()
        self._packed.append(self._machine.flush())
        packed = b"".join(self._packed)
        part, digest = len(self._done) + 1, self._digest.hexdigest()
        note = Note(*self._of, part, self._lines, self._octets, len(packed), digest)
        self._done.append(Segment(note, packed))

    def close(self) -> list[Segment]:
        """All files, in order; none without lines."""
        if self._lines:
            self._finish()
        return self._done


class Shelf:
    """Chunks that were made lately, the least used of them forgotten beyond a number of octets."""

    def __init__(self, octets: int) -> None:
        self._most = octets
        self._held = 0
        self._chunks: OrderedDict[Hashable, tuple[int, tuple[Segment, ...]]] = OrderedDict()

    def get(self, key: Hashable) -> tuple[Segment, ...] | None:
        """The files of a chunk, if they are here."""
        found = self._chunks.get(key)
        if found is None:
            return None
        self._chunks.move_to_end(key)
        return found[1]

    def put(self, key: Hashable, segments: tuple[Segment, ...]) -> None:
        """Keep the files of a chunk; the newest is kept however large it is."""
        size = sum(len(segment.packed) for segment in segments)
        self._held += size - self._chunks.pop(key, (0, ()))[0]
        self._chunks[key] = (size, segments)
        while self._held > self._most and len(self._chunks) > 1:
            self._held -= self._chunks.popitem(last=False)[1][0]

    @property
    def octets(self) -> int:
        """How many are held."""
        return self._held

    def clear(self) -> None:
        """Forget all."""
        self._chunks.clear()
        self._held = 0


def unpacked(packed: bytes) -> bytes:
    """The lines of a file."""
    return zlib.decompress(packed, GZIP)


EMPTY: Final = Segment(
    Note("output", "", 0, 1, 0, 0, 0, blake2b(digest_size=6).hexdigest()), zlib.compress(b"", LEVEL, GZIP)
)
"""A file without lines."""
