"""The sequence number protocol (HL7 v2 chapter 2.10.1): MSH-13 counts messages, MSA-4 says what is expected.

0 (re)starts a link and asks which number is wanted; -1 resynchronises: the next positive number is taken whatever it
is. Neither carries anything to be applied. The reference adapter stops a link whose numbers cannot be reconciled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from mockehr.hl7.header import NotHL7, header_start, read_header

START: Final = 0
RESYNC: Final = -1
LARGEST: Final = 2_000_000_000
"""After it, numbers begin at 1 again (limit of an adapter; the standard knows none)."""

Verdict = Literal["take", "repeated", "gap", "control", "invalid"]
Reconciled = Literal["taken", "earlier-taken", "behind", "frozen"]


def after(number: int) -> int:
    """The number that follows."""
    return 1 if number >= LARGEST else number + 1


def sequence_of(message: bytes) -> int | None:
    """MSH-13 of a message; None if it is empty. Raises NotHL7, and ValueError if it is no number."""
    text = read_header(message).field(13)
    return int(text) if text else None


def numbered(message: bytes, number: int) -> bytes:
    """The message with that number in MSH-13; all else stays byte for byte. Raises NotHL7."""
    return _with_field(message, header_start(message), 12, str(number).encode())


def starting(message: bytes, control_id: str, number: int = START) -> bytes:
    """What starts or resynchronises a link: the header of `message` with that MSH-10 and MSH-13, MSH-9 empty."""
    begin = header_start(message)
    line = message[begin:].replace(b"\n", b"\r").split(b"\r", 1)[0] + b"\r"
    mark = read_header(line).fields[1][:1]
    return numbered(_with_field(_with_field(line, 0, 8, mark), 0, 9, control_id.encode()), number)


def expecting(acknowledgement: bytes, number: int) -> bytes:
    """The acknowledgement with that number in MSA-4; unchanged if it has no MSA."""
    place = acknowledgement.find(b"\rMSA")
    return acknowledgement if place < 0 else _with_field(acknowledgement, place + 1, 4, str(number).encode())


def expected_of(acknowledgement: bytes) -> int | None:
    """MSA-4 of an acknowledgement; None if there is none or it is no number."""
    try:
        separator = read_header(acknowledgement).separator
    except NotHL7:
        return None
    for line in acknowledgement.replace(b"\n", b"\r").split(b"\r"):
        if line.startswith(b"MSA"):
            fields = line.split(separator)
            try:
                return int(fields[4]) if len(fields) > 4 and fields[4] else None
            except ValueError:
                return None
    return None


@dataclass(slots=True)
class Expectation:
    """The receiver's side of one link: `last` is the number taken last, None before the first."""

    last: int | None = None

    @property
    def expected(self) -> int:
        """What MSA-4 says: the next number, or -1 where any will do."""
        return RESYNC if self.last is None else after(self.last)

    def judge(self, number: int) -> Verdict:
        """What a message of that number is; `take` counts as taken from then on, `control` may forget the count."""
        if number == START:
            return "control"
        if number == RESYNC:
            self.last = None
            return "control"
        if not 0 < number <= LARGEST:
            return "invalid"
        if self.last is None or number == self.expected:
            self.last = number
            return "take"
        return "repeated" if number == self.last else "gap"

    def untake(self, before: int | None) -> None:
        """The message could not be applied: its number is still expected."""
        self.last = before


def reconcile(sent: int, expected: int | None) -> Reconciled:
    """What the sender learns from MSA-4 about the message that it numbered `sent`.

    `taken`: it was accepted (an empty MSA-4 says nothing else). `earlier-taken`: the receiver had it already, the
    acknowledgement before was lost. `behind`: the receiver wants an earlier one; the link may be started anew with 0.
    `frozen`: nothing that the protocol knows; somebody has to look.
    """
    if expected is None or expected == sent:
        return "taken"
    if expected == after(sent):
        return "earlier-taken"
    return "behind" if 0 < expected < sent else "frozen"


def _with_field(message: bytes, begin: int, place: int, value: bytes) -> bytes:
    """The segment at `begin` with its `place`-th piece (0 is its id) replaced, padded where it is shorter."""
    end = min((at for mark in (b"\r", b"\n") if (at := message.find(mark, begin)) >= 0), default=len(message))
    separator = read_header(message).separator
    fields = message[begin:end].split(separator)
    fields += [b""] * (place + 1 - len(fields))
    fields[place] = value
    return message[:begin] + separator.join(fields) + message[end:]
