"""Acknowledgements: original and enhanced mode (HL7 v2 chapter 2.9), built from MSH alone.

Original mode (MSH-15 and MSH-16 empty): one reply, AA, AE or AR. Enhanced mode (either valued): an accept
acknowledgement CA, CE or CR if MSH-15 asks for it, and an application acknowledgement AA, AE or AR as a message of
its own if MSH-16 asks for it; an empty condition beside a valued one means NE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

from mockehr.hl7.charset import codec_of
from mockehr.hl7.delimiters import Delimiters, escape
from mockehr.hl7.faults import Fault
from mockehr.hl7.habits import STANDARD, AckHabit
from mockehr.hl7.header import Header, read_header
from mockehr.hl7.stamps import second_stamp, stamp

Code = Literal["AA", "AE", "AR", "CA", "CE", "CR"]
Outcome = Literal["A", "E", "R"]
UNKNOWN_HEADER: Final = Header([b"MSH", b"^~\\&"], b"|")
"""Stands in for the header of a payload that has none, so that even that can be refused."""
_CODES: Final = MappingProxyType({code: code.encode() for code in ("AA", "AE", "AR", "CA", "CE", "CR")})
_ORIGINAL: Final[Mapping[Outcome, tuple[Code]]] = MappingProxyType({"A": ("AA",), "E": ("AE",), "R": ("AR",)})
_ACCEPT: Final[Mapping[Outcome, Code]] = MappingProxyType({"A": "CA", "E": "CE", "R": "CR"})
_WANTED: Final = {"AL": "AER", "NE": "", "ER": "ER", "SU": "A"}


def acknowledgements(header: Header, outcome: Outcome, *, accepted: Outcome = "A") -> tuple[Code, ...]:
    """Which acknowledgements a message wants, in order: none, one, or the accept and the application one.

    `accepted` is whether the message could be taken over at all; unless it is A, nothing was processed and no
    application acknowledgement follows in enhanced mode. An unknown condition counts as AL.
    """
    if not header.field(15) and not header.field(16):
        return _ORIGINAL[outcome if accepted == "A" else accepted]
    accept, application = header.accept_condition, header.application_condition
    codes: list[Code] = []
    if accepted in _WANTED.get(accept or "NE", "AER"):
        codes.append(_ACCEPT[accepted])
    if accepted == "A" and outcome in _WANTED.get(application or "NE", "AER"):
        codes += _ORIGINAL[outcome]
    return tuple(codes)


def acknowledge(
    message: bytes | Header,
    code: Code,
    *,
    at: float,
    control_id: str,
    text: str = "",
    errors: Sequence[Fault] = (),
    habit: AckHabit = STANDARD,
) -> bytes:
    """The acknowledgement of `message` as an unframed message.

    Sender and receiver change places, MSA-2 echoes MSH-10, and delimiters, processing id, version and charset are the
    message's own; `habit` has what a receiver does differently. `at` is site seconds, `control_id` the new MSH-10.
    Raises NotHL7 for bytes without a header (acknowledge UNKNOWN_HEADER instead).
    """
    header = read_header(message) if isinstance(message, bytes) else message
    fields = header.fields
    count = len(fields)
    if count < 12:
        fields = fields + [b""] * (12 - count)
    bar = header.separator
    _, declared, sender, sender_at, receiver, receiver_at, _, _, asked, echoed, processing, version = fields[:12]
    kind = _kind_of(asked, declared[:1], version, habit)
    charset = bar * 6 + fields[17] if count > 17 and fields[17] else b""
    moment, own_id = second_stamp(int(at)), control_id.encode()
    if habit is not STANDARD:
        sender, sender_at, receiver, receiver_at = _parties(
            (sender, sender_at, receiver, receiver_at), declared[:1], habit
        )
        moment, own_id, charset = _own(at, own_id, charset, habit)
        text, errors = _told(code, text, errors, habit)
    reply = bar.join((
        b"MSH", declared, receiver, receiver_at, sender, sender_at, moment, b"", kind,
        own_id, processing, version + charset + b"\rMSA", _CODES[code], echoed,
    ))  # fmt: skip
    if not text and not errors:
        return reply + b"\r"
    marks = Delimiters.of(b"MSH" + bar + declared + bar)
    codec = codec_of(header.charset_name) or "utf-8"
    if text:
        reply += bar + _encode(text, marks, codec)
    return reply + b"\r" + _error_segments(errors, version, marks, codec)


def _kind_of(asked: bytes, mark: bytes, version: bytes, habit: AckHabit) -> bytes:
    """MSH-9 of an acknowledgement."""
    form = habit.kind
    if form == "plain" or (form == "by-version" and version < b"2.4") or not mark:
        return b"ACK"
    pieces = asked.split(mark, 2)
    if len(pieces) < 2 or not pieces[1]:
        return b"ACK"
    ack = b"ACK" + mark + pieces[1]
    return ack if form == "trigger" else ack + mark + b"ACK"


def _parties(places: tuple[bytes, ...], mark: bytes, habit: AckHabit) -> tuple[bytes, ...]:
    """MSH-3 to 6 of the message as those that the acknowledgement swaps, or not."""
    if habit.first_components and mark:
        places = tuple(place.split(mark, 1)[0] for place in places)
    return places if habit.swap else (*places[2:], *places[:2])


def _own(at: float, control_id: bytes, charset: bytes, habit: AckHabit) -> tuple[bytes, bytes, bytes]:
    """MSH-7, MSH-10 and what leads to MSH-18."""
    moment = stamp(at, "milli").encode() if habit.milliseconds else second_stamp(int(at))
    return moment, moment if habit.stamp_as_id else control_id, charset if habit.echo_charset else b""


def _told(code: Code, text: str, errors: Sequence[Fault], habit: AckHabit) -> tuple[str, Sequence[Fault]]:
    """What is said about a refusal: MSA-3 and the ERR segments."""
    if code[1] == "A":
        return text, errors
    said = (habit.reject_text if code[1] == "R" else habit.error_text) or text
    return ("" if habit.errors == "none" and said == text else said), errors if habit.errors == "err" else ()


def _error_segments(errors: Sequence[Fault], version: bytes, marks: Delimiters, codec: str) -> bytes:
    if not errors:
        return b""
    if version >= b"2.5":
        return b"".join(_modern(fault, marks, codec) for fault in errors)
    return b"ERR" + marks.field + marks.repetition.join(_legacy(fault, marks, codec) for fault in errors) + b"\r"


def _legacy(fault: Fault, marks: Delimiters, codec: str) -> bytes:
    """ERR-1 of 2.1 to 2.4: `segment^sequence^field^code&text&HL70357`."""
    coded = [str(fault.code).encode(), _encode(fault.meaning, marks, codec), b"HL70357"]
    place = [piece.encode() for piece in _location(fault)[:3]]
    place += [b""] * (3 - len(place))
    return marks.component.join([*place, marks.subcomponent.join(coded)])


def _modern(fault: Fault, marks: Delimiters, codec: str) -> bytes:
    """ERR of 2.5 and later: location in ERR-2, table 0357 in ERR-3, severity in ERR-4, words in ERR-8."""
    own = marks.component.join([_encode(fault.application_code, marks, codec)]) if fault.application_code else b""
    fields = [
        b"ERR",
        b"",
        marks.component.join(piece.encode() for piece in _location(fault)),
        marks.component.join([str(fault.code).encode(), _encode(fault.meaning, marks, codec), b"HL70357"]),
        fault.severity.encode(),
        own,
        b"",
        b"",
        _encode(fault.text, marks, codec),
    ]
    while not fields[-1]:
        fields.pop()
    return marks.field.join(fields) + b"\r"


def _location(fault: Fault) -> list[str]:
    """ERL components: segment, sequence, field, repetition, component; cut after the last that is known."""
    if not fault.segment:
        return []
    parts = [fault.segment, str(fault.sequence or 1)]
    if fault.field:
        parts.append(str(fault.field))
        if fault.component:
            parts += ["1", str(fault.component)]
    return parts


def _encode(text: str, marks: Delimiters, codec: str) -> bytes:
    return escape(text, marks).encode(codec, "replace")
