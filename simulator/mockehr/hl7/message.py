"""A lossless ER7 message over bytes. What nobody changes comes out byte for byte as it came in.

Kept as found: delimiters, segment ends (CR, LF, CRLF, blank lines, a missing last one), bytes before MSH, unknown and
Z segments, trailing delimiters, escape sequences, wrong charsets. A bare LF ends a segment only in a message that has
no CR between its segments; otherwise it is data.
"""

from __future__ import annotations

import re
from typing import Final

from mockehr.core.errors import UsageError
from mockehr.hl7.charset import FALLBACK, Charset, choose
from mockehr.hl7.delimiters import Delimiters, translate
from mockehr.hl7.header import Header, header_start, read_header
from mockehr.hl7.path import Path, parse_path
from mockehr.hl7.segment import HEADERS, NULL, Segment

__all__ = ["NULL", "Message", "Segment"]
_CR_ENDS: Final = re.compile(rb"(\r\n?)")
_ANY_ENDS: Final = re.compile(rb"(\r\n|\r|\n)")


class Message:
    """One message. Segments are split on construction (a few microseconds), all else when asked for.

    `fallback` is the order of codecs to try when MSH-18 does not help (`mockehr.hl7.charset`). Raises NotHL7 if there
    is no MSH.
    """

    __slots__ = ("_ends", "charset", "delimiters", "header", "prefix", "segments")

    def __init__(self, raw: bytes, *, fallback: tuple[str, ...] = FALLBACK) -> None:
        start = header_start(raw)
        body = raw[start:]
        self.prefix = raw[:start]
        """Bytes before MSH."""
        self.header: Header = read_header(body)
        """MSH as it came in; later changes are seen through `get` only."""
        self.delimiters = Delimiters.of(body)
        self.charset: Charset = choose(body, self.header.charset_name, fallback)
        pieces, self._ends = _cut(body)
        self.segments = [Segment(piece, self.delimiters, self.charset) for piece in pieces]
        """All segments in order; a blank line is a segment with an empty id."""

    def __bytes__(self) -> bytes:
        parts = [self.prefix]
        for segment, end in zip(self.segments, self._ends, strict=True):
            parts.append(bytes(segment))
            parts.append(end)
        return b"".join(parts)

    def __repr__(self) -> str:
        return f"<Message {self.header.kind} {self.header.control_id}, {len(self.segments)} segments>"

    @property
    def line_end(self) -> bytes:
        """How the first segment ends: CR, LF or CRLF; CR if there is but one segment without an end."""
        return self._ends[0] or b"\r"

    def all(self, segment_id: str) -> list[Segment]:
        """Every segment of that id, in order."""
        return [segment for segment in self.segments if segment.id == segment_id]

    def segment(self, segment_id: str, occurrence: int = 1) -> Segment | None:
        """The n-th segment of that id, counted from 1, or None."""
        for segment in self.segments:
            if segment.id == segment_id:
                occurrence -= 1
                if occurrence == 0:
                    return segment
        return None

    def get(self, path: str, default: str = "") -> str:
        """The decoded text at a terse path (`mockehr.hl7.path`), the first of each level that is left out.

        `default` if it is absent or empty; the explicit null is returned as NULL (`""`). A field that is asked for
        whole comes whole, all its repetitions and delimiters included: ask for `PID-5.1` rather than for `PID-5`.
        """
        where = parse_path(path)
        segment = self.segment(where.segment, where.occurrence or 1)
        return (segment.text(*_levels(where)) if segment else "") or default

    def get_all(self, path: str) -> list[str]:
        """The decoded texts at a path in every segment and every repetition that the path does not pin down."""
        where = parse_path(path)
        found = self.all(where.segment)
        if where.occurrence:
            found = found[where.occurrence - 1 : where.occurrence]
        texts = []
        for segment in found:
            value = segment.field(where.field) or b""
            mark = self.delimiters.repetition
            count = value.count(mark) + 1 if mark and where.field and segment.id not in HEADERS else 1
            numbers = [where.repetition] if where.repetition else range(1, count + 1)
            texts += [segment.text(where.field, n, where.component, where.subcomponent) for n in numbers]
        return texts

    def bytes_at(self, path: str) -> bytes | None:
        """The bytes at a path as they stand: None if absent, empty if empty, `""` if explicitly null."""
        where = parse_path(path)
        segment = self.segment(where.segment, where.occurrence or 1)
        return segment.bytes_at(*_levels(where)) if segment else None

    def set(self, path: str, value: str) -> None:
        """Set the text at a path, escaped and encoded in the message's charset; the rest of the message stays.

        A segment that is not there yet is appended. Raises UsageError for MSH-1 and MSH-2.
        """
        where = parse_path(path)
        segment = self._segment_for(where)
        if value == NULL:
            segment.set_bytes(b'""', *_levels(where))
        else:
            segment.set_text(value, *_levels(where))

    def set_bytes(self, path: str, value: bytes) -> None:
        """Set the bytes at a path as they are, delimiters, wrong charset and all."""
        where = parse_path(path)
        self._segment_for(where).set_bytes(value, *_levels(where))

    def insert(self, index: int, raw: bytes) -> Segment:
        """Put a segment before the one at `index` (as in list.insert) and return it."""
        segment = Segment(raw, self.delimiters, self.charset)
        end = self.line_end
        index = min(index, len(self.segments))
        if index == len(self.segments) and not self._ends[-1]:
            self._ends[-1] = end
            end = b""
        self.segments.insert(index, segment)
        self._ends.insert(index, end)
        return segment

    def append(self, raw: bytes) -> Segment:
        """Add a segment at the end and return it."""
        return self.insert(len(self.segments), raw)

    def remove(self, segment: Segment) -> None:
        """Take out a segment with its end; raises ValueError if it is not in this message."""
        index = next((place for place, one in enumerate(self.segments) if one is segment), -1)
        if index < 0:
            raise ValueError(f"{segment!r} is not in {self!r}")
        del self.segments[index]
        del self._ends[index]

    def translate(self, delimiters: Delimiters) -> Message:
        """The same message in other delimiters, data escaped where the new ones need it."""
        parts = [self.prefix]
        for segment, end in zip(self.segments, self._ends, strict=True):
            raw = bytes(segment)
            if segment.id in HEADERS:
                own = raw[4:].split(self.delimiters.field, 1)
                rest = translate(own[1], self.delimiters, delimiters) if len(own) > 1 else b""
                raw = segment.id.encode("latin-1") + delimiters.field + delimiters.declaration
                raw += delimiters.field + rest if len(own) > 1 else b""
            else:
                raw = translate(raw, self.delimiters, delimiters)
            parts += [raw, end]
        return Message(b"".join(parts), fallback=(self.charset.codec, *FALLBACK))

    def _segment_for(self, where: Path) -> Segment:
        occurrence = where.occurrence or 1
        found = self.all(where.segment)
        if occurrence <= len(found):
            return found[occurrence - 1]
        if occurrence > len(found) + 1:
            raise UsageError(
                f"There are only {len(found)} {where.segment} segments, so number {occurrence} cannot be set.",
                remedy=f"Set {where.segment}[{len(found) + 1}] first.",
            )
        return self.append(where.segment.encode("latin-1"))


def _levels(where: Path) -> tuple[int, int, int, int]:
    return where.field, where.repetition, where.component, where.subcomponent


def _cut(body: bytes) -> tuple[list[bytes], list[bytes]]:
    """Segments and the end of each (empty if the last has none)."""
    if b"\n" not in body:
        pieces = body.split(b"\r")
        ends = [b"\r"] * (len(pieces) - 1)
        if pieces[-1]:
            return pieces, [*ends, b""]
        return pieces[:-1], ends
    stripped = body.rstrip(b"\r\n")
    tokens = (_CR_ENDS if b"\r" in stripped else _ANY_ENDS).split(stripped)
    pieces, ends = tokens[0::2], tokens[1::2]
    tail = _ANY_ENDS.findall(body[len(stripped) :])
    pieces += [b""] * max(len(tail) - 1, 0)
    return pieces, [*ends, *(tail or [b""])]
