"""The message header alone, split without touching the rest: enough to route a message and to acknowledge it."""

from __future__ import annotations

from mockehr.core.errors import MockehrError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class NotHL7(MockehrError):
    """A payload that has no MSH segment where one must be."""


class Header:
    """MSH fields as bytes. `fields[n - 1]` is MSH-n for n >= 2; `separator` is MSH-1."""

    __slots__ = ("fields", "separator")

    def __init__(self, fields: list[bytes], separator: bytes) -> None:
        self.fields = fields
        self.separator = separator

    def field(self, number: int) -> bytes:
        """MSH-`number` as it stands; empty if the segment is shorter."""
        if number == 1:
            return self.separator
        return self.fields[number - 1] if number <= len(self.fields) else b""

    def first(self, number: int) -> bytes:
        """The first component of MSH-`number`."""
        value = self.field(number)
        declared = self.fields[1]
        return value.split(declared[:1], 1)[0] if declared else value

    @property
    def kind(self) -> str:
        """Message type and trigger, such as `ADT^A01`, in usual delimiters; only the type if there is no trigger."""
        value = self.field(9)
        mark = self.fields[1][:1]
        named = b"^".join(value.split(mark, 2)[:2]) if mark else value
        return named.decode("latin-1").rstrip("^")

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.field(10).decode("latin-1")

    @property
    def version(self) -> str:
        """MSH-12, first component, such as `2.5.1`."""
        return self.first(12).decode("latin-1")

    @property
    def processing_id(self) -> str:
        """MSH-11, first component: P, T or D."""
        return self.first(11).decode("latin-1")

    @property
    def accept_condition(self) -> str:
        """MSH-15 (table 0155: AL, NE, ER, SU, or empty)."""
        return self.field(15).decode("latin-1")

    @property
    def application_condition(self) -> str:
        """MSH-16 (table 0155)."""
        return self.field(16).decode("latin-1")

    @property
    def charset_name(self) -> str:
        """MSH-18, first repetition."""
        value, mark = self.field(18), self.fields[1][1:2]
        return (value.split(mark, 1)[0] if mark else value).decode("latin-1")


def header_start(payload: bytes) -> int:
    """Where `MSH` begins, past a byte order mark and white space; raises NotHL7 if it does not follow them."""
    if payload.startswith(b"MSH"):
        return 0
    start = 3 if payload.startswith(_BYTE_ORDER_MARK) else 0
    while payload[start : start + 1] in (b"\r", b"\n", b" ", b"\t", b"\x0c", b"\x00"):
        start += 1
    if not payload.startswith(b"MSH", start):
        raise NotHL7(
            f"A message must begin with MSH, this one begins with {payload[:16]!r}.",
            remedy="Send an ER7 (vertical bar) message; a byte order mark or blank lines before it are tolerated.",
        )
    return start


def read_header(payload: bytes) -> Header:
    """Split MSH and nothing else (under a microsecond); raises NotHL7."""
    if payload[:3] != b"MSH":
        payload = payload[header_start(payload) :]
    end = payload.find(b"\r")
    line = payload[:end] if end >= 0 else payload
    if b"\n" in line:
        line = line[: line.index(b"\n")]
    separator = line[3:4]
    if len(line) < 5:
        raise NotHL7(
            f"MSH declares no delimiters: {line!r}.",
            remedy="MSH-1 and MSH-2 must be there, as in MSH|^~\\&|.",
        )
    return Header(line.split(separator), separator)
