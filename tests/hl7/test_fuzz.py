"""Damaged and random messages through everything that reads HL7 v2: no hang, no undocumented error, no octet lost."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from mockehr.core.chance import Chance, Stream
from mockehr.core.errors import UsageError
from mockehr.hl7.ack import acknowledge
from mockehr.hl7.frame import Deframer, Frame, frame
from mockehr.hl7.header import NotHL7, read_header
from mockehr.hl7.message import Message

HEAD = b"MSH|^~\\&|LAB|H1|EHR|H2|20260105115959.123-0500||"
MESSAGES = (
    HEAD + b"ADT^A01^ADT_A01|M1|P|2.5.1||||||UNICODE UTF-8\rEVN|A01|20260105\r"
    b"PID|1||90001^^^H&1.2.3&ISO^MR~000-12-3456^^^SSA^SS||M\xc3\xbcller^Zo\xc3\xab^^^Dr.||19800304|F|||1 Elm^^X^IL\r"
    b"NK1|1|Muster^Max|SPO\rPV1|1|I|3W^301^1||||1234^Doe^J\rZPV|1||custom\r",
    HEAD + b"ORU^R01|M2|P|2.3\rPID|1||7||Doe^Jane\rOBR|1|A|B|24323-8^CMP^LN|||20260105\r"
    b"OBX|1|NM|2345-7^GLU^LN||5.4|mmol/L|3.9-6.1|N|||F\rOBX|2|TX|x||a \\.br\\ b \\T\\ c \\X0D0A\\ d||||||F\r"
    b"NTE|1||line~line\r",
    b"MSH$*~\\&$A$B$C$D$2026$$SIU*S12$M3$T$2.4$$$AL$NE$$8859/1\rSCH$1*X$$$$$*$*M\xfcll\rRGS$1\rAIL$1$A$3W*301\r",
    b"\xef\xbb\xbfMSH|^~\\&#|A|||||||ORM^O01|M4|D|2.7\nPID|1\nORC|NW|1^A|\nOBR|1\n\n",
    b"FHS|^~\\&|A\rBHS|^~\\&|A\rMSH|^~\\&|A|B|C|D|2026||MDM^T02|M5|P|2.5\rTXA|1|DS\rBTS|1\rFTS|1\r",
    b"MSH|^~\\&|A|B|C|D|2026||ACK|M6|P|2.5.1\rMSA|AE|M1\rERR||PID^1^5|101^Required^HL70357|E\r",
)
PIECES = (
    b"|",
    b"^",
    b"~",
    b"\\",
    b"&",
    b"\r",
    b"\n",
    b"\x0b",
    b"\x1c",
    b"\x1c\r",
    b"\x00",
    b"\xff",
    b"MSH",
    b"MSH|",
    b"",
)
PATHS = ("MSH-9.2", "MSH-12.1", "PID-3.1", "PID-3(2).4.2", "PID-5.1", "OBX[2]-5.1", "ZPV-3.1", "SCH-7.2", "NTE-3.1")


def damaged(draw: Stream) -> bytes:
    """A message with up to six injuries, or noise."""
    kind = draw.below(20)
    if kind == 0:
        return draw.token(draw.below(200))
    if kind == 1:
        return b"".join(draw.choice(PIECES) for _ in range(draw.below(60)))
    raw = bytearray(draw.choice(MESSAGES))
    for _ in range(draw.below(7)):
        place, length = draw.below(len(raw) + 1), 1 + draw.below(8)
        match draw.below(6):
            case 0:
                raw[place : place + 1] = bytes([draw.below(256)])
            case 1:
                raw[place:place] = draw.choice(PIECES)
            case 2:
                del raw[place : place + length]
            case 3:
                del raw[place:]
            case 4:
                raw[place:place] = raw[place : place + 8 * length] * length
            case _:
                raw = bytearray(bytes(raw).replace(draw.choice(PIECES[:6]), draw.choice(PIECES)))
    return bytes(raw)


def chunked(wire: bytes, draw: Stream) -> list[Frame]:
    cuts = sorted(draw.below(len(wire) + 1) for _ in range(draw.below(4)))
    deframer = Deframer()
    pieces = (wire[start:end] for start, end in pairwise((0, *cuts, len(wire))))
    return [received for piece in pieces for received in deframer.feed(piece)] + deframer.finish()


def check(raw: bytes, draw: Stream) -> str:
    """Put one input through everything; says what it was taken for."""
    whole = Deframer()
    wire = frame(raw) + frame(MESSAGES[0])
    cut = chunked(wire, draw)
    assert [(one.payload, one.complete) for one in cut] == [
        (one.payload, one.complete) for one in whole.feed(wire) + whole.finish()
    ]
    assert cut[-1].payload == MESSAGES[0]  # whatever came before
    try:
        message = Message(raw)
    except NotHL7:
        with pytest.raises(NotHL7):
            read_header(raw)
        return "no message"
    assert bytes(message) == raw
    for path in (draw.choice(PATHS), draw.choice(PATHS)):
        assert message.get(path) == (message.get_all(path) or [""])[0]
    message.bytes_at(draw.choice(PATHS))
    ack = acknowledge(read_header(raw), "AE", at=1_767_614_400.0, control_id="C", text="r|e^f")
    if not message.delimiters.field.isalnum():  # a separator that the reply's own values hold separates them
        assert read_header(ack).field(10) == b"C"
    before = message.segment("PID")
    try:
        message.set("PID-5.1", "Neu|^&")
    except UsageError:
        return "message"
    if before is not None:
        assert bytes(message) != raw or message.get("PID-5.1") == "Neu|^&"
    return "message"


def fuzz(count: int, seed: str, note: Callable[[str], None]) -> None:
    chance = Chance(seed)
    for number in range(count):
        draw = chance.stream("fuzz", number)
        raw = damaged(draw)
        try:
            note(check(raw, draw))
        except Exception as error:
            raise AssertionError(f"input {number} of seed {seed!r}: {raw!r}") from error


def test_five_thousand_damaged_messages_do_no_harm() -> None:
    seen: list[str] = []
    fuzz(5_000, "few", seen.append)
    assert seen.count("message") > 2_500
    assert seen.count("no message") > 250


@pytest.mark.slow
def test_a_hundred_thousand_damaged_messages_do_no_harm() -> None:
    seen: list[str] = []
    fuzz(100_000, "many", seen.append)
    assert len(seen) == 100_000


@pytest.mark.parametrize("raw", [raw for raw in MESSAGES if not raw.startswith(b"FHS")])
def test_messages_that_are_whole_come_out_as_they_went_in(raw: bytes) -> None:
    assert bytes(Message(raw)) == raw
