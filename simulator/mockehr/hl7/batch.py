"""The batch and file protocol (HL7 v2 chapter 2.10.3): many messages in one file, with or without headers.

`[FHS] { [BHS] { MSH … } [BTS] } [FTS]`; a batch without messages is legal. Production also concatenates messages
without any header, ends segments with CR, LF or CRLF, puts blank lines or form feeds between messages, keeps MLLP's
frames, and writes counts that are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from mockehr.hl7.dialect import Dialect
from mockehr.hl7.header import NotHL7, read_header
from mockehr.hl7.stamps import stamp

_STARTS: Final = re.compile(
    rb"(?:(?<=[\r\n\x0b\x0c\x1c])|\A(?:\xef\xbb\xbf)?[\s\x0b]*)(MSH|FHS|BHS|BTS|FTS)(?=[^\w\s]|[\r\n]|\Z)"
)
_AROUND: Final = b"\r\n\x0b\x0c\x1c \t"
_GOOD: Final = (b"AA", b"CA")

Kind = Literal["junk", "batch-count", "file-count", "truncated", "duplicate-id", "stray-trailer", "no-id"]
"""What can be wrong: octets that belong to nothing, BTS-1, FTS-1, a trailer or the rest of the last message that is
not there, an MSH-10 that came before, a trailer without its header, a message without MSH-10."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a file, and at which octet."""

    kind: Kind
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class BatchFile:
    """What a file holds: its messages in order, and what is wrong with it.

    `headers`: there is at least an FHS or a BHS. `control_id` is BHS-11 (or FHS-11), to which an answer refers.
    `cut`: the last message is not all there.
    """

    messages: tuple[bytes, ...]
    findings: tuple[Finding, ...] = ()
    headers: bool = False
    batches: int = 0
    control_id: str = ""
    cut: bool = False


def read_batch(octets: bytes) -> BatchFile:
    """Take a file apart; nothing that can be in it raises."""
    return _Reading(octets).run()


@dataclass(slots=True)
class Plan:
    """A file of messages about to be written; rules may change all of it. Counts are right unless told."""

    messages: list[bytes]
    headers: bool = True
    batch_count: int | None = None
    """BTS-1."""
    file_count: int | None = None
    """FTS-1."""
    cut: int = 0
    """Octets that are missing at the end."""
    again: int = 0
    """How many more times the same file is laid, under names of their own."""


def write_batch(
    messages: Sequence[bytes],
    dialect: Dialect,
    *,
    at: float,
    control_id: str,
    name: str = "",
    refers_to: str = "",
    headers: bool = True,
    batch_count: int | None = None,
    file_count: int | None = None,
    line_end: bytes = b"\r",
) -> bytes:
    """A file of messages, as they stand, in one batch.

    `at` is site seconds, `refers_to` the control id of the batch that this one answers (BHS-12). The counts are right
    unless told. Without `headers` the messages just follow one another.
    """
    parts = [message if message.endswith((b"\r", b"\n")) else message + line_end for message in messages]
    if not headers:
        return b"".join(parts)
    marks = dialect.delimiters
    bar = marks.field.decode("latin-1")
    places = [dialect.sending_application, dialect.sending_facility]
    places += [dialect.receiving_application, dialect.receiving_facility]
    said = [marks.declaration.decode("latin-1"), *places, stamp(at, dialect.precision, dialect.offset), "", name, ""]
    file_header = bar.join(["FHS", *said, control_id]).rstrip(bar)
    batch_header = bar.join(["BHS", *said, control_id, refers_to]).rstrip(bar)
    ends = [
        f"BTS{bar}{len(messages) if batch_count is None else batch_count}",
        f"FTS{bar}{1 if file_count is None else file_count}",
    ]
    codec = dialect.codec
    head = b"".join(line.encode(codec, "replace") + line_end for line in (file_header, batch_header))
    return head + b"".join(parts) + b"".join(line.encode() + line_end for line in ends)


def respond(
    acknowledgements: Sequence[bytes],
    taken: BatchFile,
    dialect: Dialect,
    *,
    at: float,
    control_id: str,
    only_errors: bool = True,
) -> bytes:
    """The answer to a file: a batch of its acknowledgements, or of those that refuse (none: all were accepted)."""
    kept = [ack for ack in acknowledgements if ack and not (only_errors and _accepts(ack))]
    return write_batch(kept, dialect, at=at, control_id=control_id, refers_to=taken.control_id)


def _accepts(acknowledgement: bytes) -> bool:
    for line in acknowledgement.replace(b"\n", b"\r").split(b"\r"):
        if line.startswith(b"MSA"):
            return line[4:6] in _GOOD
    return False


class _Reading:
    """One file being taken apart."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.messages: list[bytes] = []
        self.findings: list[Finding] = []
        self.ids: dict[bytes, int] = {}
        self.file: int | None = None
        self.batch: int | None = None
        self.in_batch = 0
        self.batches = 0
        self.headers = False
        self.control_id = ""

    def run(self) -> BatchFile:
        octets = self.octets
        starts = [found.start(1) for found in _STARTS.finditer(octets)]
        first = starts[0] if starts else len(octets)
        if octets[:first].strip(_AROUND + b"\xef\xbb\xbf\x00"):
            self._find("junk", f"{first} octets before the first header are none of a message", 0)
        for start, end in pairwise([*starts, len(octets)]):
            self._take(start, octets[start:end])
        cut = False
        if self.batch is not None or self.file is not None:
            missing = "BTS" if self.batch is not None else "FTS"
            self._find("truncated", f"it ends without {missing}", len(octets))
            cut = bool(self.messages) and not octets.rstrip(b" \t\x00").endswith((b"\r", b"\n", b"\x0c", b"\x1c"))
        return BatchFile(tuple(self.messages), tuple(self.findings), self.headers, self.batches, self.control_id, cut)

    def _take(self, start: int, piece: bytes) -> None:
        kind = piece[:3]
        if kind == b"MSH":
            self._message(start, piece)
        elif kind == b"FHS":
            self.file, self.headers = start, True
            self.control_id = self.control_id or _field(piece, 10)
        elif kind == b"BHS":
            self._close_batch(None, start)
            self.batch, self.in_batch, self.headers = start, 0, True
            self.batches += 1
            self.control_id = _field(piece, 10) or self.control_id
        elif kind == b"BTS":
            if self.batch is None:
                self._find("stray-trailer", "BTS without BHS", start)
            self._close_batch(piece, start)
        else:
            self._close_batch(None, start)
            if self.file is None:
                self._find("stray-trailer", "FTS without FHS", start)
            self._compare("file-count", "FTS-1", _field(piece, 1), self.batches, "batches", start)
            self.file = None

    def _message(self, start: int, piece: bytes) -> None:
        line_feeds = b"\n" in piece.strip(_AROUND) and b"\r" not in piece.strip(_AROUND)
        message = piece.rstrip(_AROUND) + (b"\n" if line_feeds else b"\r")
        self.messages.append(message)
        self.in_batch += 1
        try:
            control_id = read_header(message).field(10)
        except NotHL7:
            control_id = b""
        if not control_id:
            self._find("no-id", f"message {len(self.messages)} has no MSH-10", start)
        elif control_id in self.ids:
            shown = control_id.decode("latin-1")
            told = f"message {len(self.messages)} has the MSH-10 of message {self.ids[control_id]}: {shown}"
            self._find("duplicate-id", told, start)
        self.ids.setdefault(control_id, len(self.messages))

    def _close_batch(self, trailer: bytes | None, offset: int) -> None:
        if self.batch is not None and trailer is None:
            self._find("truncated", "a batch ends without BTS", offset)
        if trailer is not None:
            self._compare("batch-count", "BTS-1", _field(trailer, 1), self.in_batch, "messages", offset)
        self.batch, self.in_batch = None, 0

    def _compare(self, kind: Kind, place: str, said: str, count: int, things: str, offset: int) -> None:
        if said and said != str(count):
            self._find(kind, f"{place} says {said}, there are {count} {things}", offset)

    def _find(self, kind: Kind, text: str, offset: int) -> None:
        self.findings.append(Finding(kind, text, offset))


def _field(line: bytes, place: int) -> str:
    """A field by its place after the id; for FHS and BHS, whose first field is the separator, one less."""
    separator = line[3:4]
    fields = line.split(b"\r")[0].split(b"\n")[0].split(separator) if separator.strip() else [line]
    return fields[place].strip().decode("latin-1") if place < len(fields) else ""
