"""Messages: lossless, addressed by terse path, tolerant of what production sends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.core.errors import UsageError
from mockehr.hl7.delimiters import Delimiters
from mockehr.hl7.header import NotHL7, read_header
from mockehr.hl7.message import NULL, Message

HEAD = b"MSH|^~\\&|LAB|H1|EHR|H2|20260105120000||ORU^R01^ORU_R01|M1|P|2.5.1"
ODD = {
    "plain": HEAD + b"\rPID|1||7^^^H^MR\r",
    "no final end": HEAD + b"\rPID|1||7",
    "line feeds": HEAD + b"\nPID|1||7\n",
    "line feeds without the last": HEAD + b"\nPID|1||7",
    "both": HEAD + b"\r\nPID|1||7\r\n",
    "mixed": HEAD + b"\r\nPID|1||7\rPV1|1|I\r\n",
    "blank segments": HEAD + b"\r\r\rPID|1||7\r\r\n\n\r",
    "line feed in a text": HEAD + b"\rOBX|1|TX|X||a\nb||||||F\r",
    "byte order mark": b"\xef\xbb\xbf" + HEAD + b"\r",
    "blank line before": b"\r\n" + HEAD + b"\rPID|1\r",
    "other delimiters": b"MSH$*~\\&$LAB$H1$EHR$H2$20260105$$ADT*A01$M1$P$2.3\rPID$1$$7***H*MR~8\r",
    "colons": b"MSH:;~\\&:ST01:W:::20140101::ACK:M1:P:2.2\rMSA:CA:2014\r",
    "truncation character": b"MSH|^~\\&#|A|B|C|D|2026||ADT^A01|M1|P|2.7\rPID|1||7#\r",
    "short delimiters": b"MSH|^~|A|B|C|D|2026||ADT^A01|M1|P|2.1\rPID|1||7^a\\b\r",
    "only MSH": HEAD,
    "Z segments": HEAD + b"\rZPD||MYCH~Post||\rZ01\rPID|1\r",
    "unknown and lower case": HEAD + b"\rpid|1||7\rXXXX|1\rQ\r",
    "no separator": HEAD + b"\rPV1\r",
    "trailing delimiters": HEAD + b"|||||||\rPID|1||7^^^^^~~|||&&&|\r",
    "escapes": HEAD + b"\rNTE|1||\\.br\\\\X000d\\\\E\\X09\\E\\ BSV 4\\5 re. \\Zxx\\\r",
    "cp1252": HEAD + b"\rPID|1||7||O\x92Brien^Ren\xe9\r",
    "utf-8": HEAD + "\rPID|1||7||Müller\r".encode(),
    "no charset at all": HEAD + b"\rPID|1||7||\xff\xfe\x81\x8d\r",
    "two messages": HEAD + b"\rPID|1\r" + HEAD + b"\rPID|2\r",
    "nulls": HEAD + b'\rPID|1|""|""^^^""||""\r',
}


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD.keys())
def test_an_odd_message_comes_out_as_it_came_in_even_after_it_was_read(raw: bytes) -> None:
    message = Message(raw)
    for segment in message.segments:
        for number in range(1, len(segment) + 1):
            segment.repetitions(number)
            segment.text(number, 1, 1, 1)
    assert bytes(message) == raw


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD.keys())
def test_setting_one_field_changes_that_field_only(raw: bytes) -> None:
    message = Message(raw)
    message.set("MSH-10", "NEW")
    head, separator, rest = raw.partition(b"M1")
    assert bytes(message) == head + b"NEW" + rest
    assert separator


@given(st.binary(max_size=300))
def test_whatever_follows_msh_round_trips(tail: bytes) -> None:
    raw = b"MSH|^~\\&|" + tail
    message = Message(raw)
    for segment in message.segments:
        for number in range(1, len(segment) + 1):
            segment.repetitions(number)
    assert bytes(message) == raw


@given(st.text(max_size=40))
def test_a_text_that_was_set_is_read_back_as_it_was(text: str) -> None:
    if text == NULL:
        return
    message = Message(HEAD + b"||||||UNICODE UTF-8\r")
    raw_free = text.encode("utf-8", "replace").decode()
    message.set("NTE-3", raw_free)
    assert Message(bytes(message)).get("NTE-3") == raw_free


def test_paths_reach_every_level() -> None:
    message = Message(
        HEAD + b"\rPID|1||1^^^H&1.2&ISO^MR~2^^^E^PI||Doe^John\rOBX|1|NM|a||5\rOBX|2|CE|b||x^y^L~z^w^L\r"
    )
    assert message.get("PID-5.1") == "Doe"
    assert message.get("PID-3[2].1") == "2"
    assert message.get("PID-3.4.2") == "1.2"
    assert message.get("OBX[2]-5(1).2") == "y"
    assert message.get("OBX[2]-5(2).2") == "w"
    assert message.get_all("PID-3.1") == ["1", "2"]
    assert message.get_all("OBX-2") == ["NM", "CE"]
    assert message.get_all("OBX[2]-5.1") == ["x", "z"]
    assert message.get("MSH-1") == "|"
    assert message.get("MSH-2") == "^~\\&"
    assert message.get("MSH-9.2") == "R01"
    assert message.get("PID-99", "nothing") == "nothing"
    assert message.get("ZZZ-1") == ""


@pytest.mark.parametrize("path", ["PID", "PID-", "PID-0", "PID-3[0]", "PID.3", "PIDD-3", "PID-3.1.1.1", "PID[x]-3"])
def test_what_is_no_path_is_refused_with_the_grammar(path: str) -> None:
    with pytest.raises(UsageError, match=r"PID-5\.1"):
        Message(HEAD).get(path)


def test_absent_empty_and_null_are_three_things() -> None:
    message = Message(HEAD + b'\rPID|1|||""|Doe^""\r')
    assert message.bytes_at("PID-9") is None
    assert message.bytes_at("PID-2") == b""
    assert message.bytes_at("PID-4") == b'""'
    assert message.get("PID-4") == NULL
    assert message.get("PID-5.2") == NULL
    pid = message.segment("PID")
    assert pid is not None
    assert pid.is_null(4)
    assert not pid.has(4)


def test_setting_adds_only_the_delimiters_that_are_needed() -> None:
    message = Message(HEAD + b"\rPID|1\r")
    message.set("PID-3[2].4.2", "1.2&3")
    message.set("PID-5.2", "A|B")
    message.set("PID-8", NULL)
    assert bytes(message.segments[1]) == b'PID|1||~^^^&1.2\\T\\3||^A\\F\\B|||""'


def test_a_segment_that_is_missing_is_appended_and_a_gap_is_refused() -> None:
    message = Message(HEAD)
    message.set("NTE-3", "x")
    assert bytes(message) == HEAD + b"\rNTE|||x"
    with pytest.raises(UsageError, match="only 1 NTE"):
        message.set("NTE[3]-3", "y")


def test_the_delimiters_cannot_be_set_as_fields() -> None:
    with pytest.raises(UsageError, match="translate"):
        Message(HEAD).set("MSH-2", "x")


def test_segments_can_be_inserted_and_removed() -> None:
    message = Message(HEAD + b"\r\nPID|1\r\n")
    message.insert(1, b"EVN|A01")
    message.remove(message.segments[2])
    assert bytes(message) == HEAD + b"\r\nEVN|A01\r\n"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (rb"\F\\S\\T\\R\\E\ ", "|^&~\\ "),
        (rb"a\X0D0A\b", "a\r\nb"),
        (rb"\X00d\|", "\r"),
        (rb"\X000d\\X0A\ ", "\r\n "),
        (rb"one\.br\two", "one\ntwo"),
        (rb"\.sp2\x\.sk3\y\.in+5\ ", "\n\nx   y "),
        (rb"\H\bold\N\ ", "bold "),
        (rb"BSV 4\5 re. \T\ x", "BSV 4\\5 re. & x"),
        (rb"\E\X09\E\ ", "\\X09\\ "),
        (rb"\Zloc\ \C2842\ ", "\\Zloc\\ \\C2842\\ "),
        (rb"\P\ ", "\\P\\ "),
        (rb"lone \ ", "lone \\ "),
    ],
)
def test_escape_sequences_mean_what_the_standard_and_production_say(raw: bytes, text: str) -> None:
    assert Message(HEAD + b"\rNTE|1||" + raw).get("NTE-3") == text


def test_the_truncation_character_is_escaped_only_where_it_is_declared() -> None:
    modern, plain = Message(b"MSH|^~\\&#|A\r"), Message(b"MSH|^~\\&|A\r")
    for message in (modern, plain):
        message.set("NTE-3", "#1")
    assert bytes(modern.segments[-1]) == b"NTE|||\\P\\1"
    assert bytes(plain.segments[-1]) == b"NTE|||#1"
    assert modern.get("NTE-3") == plain.get("NTE-3") == "#1"


@pytest.mark.parametrize(
    ("declared", "raw", "text", "trusted"),
    [
        (b"", b"Ren\xe9", "René", False),
        (b"", "René".encode(), "René", False),
        (b"", b"Rene", "Rene", True),
        (b"UNICODE UTF-8", "René".encode(), "René", True),
        (b"UNICODE UTF-8", b"O\x92Brien", "O’Brien", False),
        (b"UTF-8", "é".encode(), "é", True),
        (b"8859/1", b"\xe9", "é", True),
        (b"8859/1", b"\x92", "’", False),
        (b"8859/15", b"\xa4", "€", True),
        (b"Windows-1252", b"\x80", "€", True),
        (b"ASCII", b"\xe9", "é", False),
        (b"8859/2~UNICODE UTF-8", b"\xb1", "ą", True),
        (b"KLINGON", b"\xe9", "é", False),
        (b"GB 18030-2000", "名".encode("gb18030"), "名", True),
    ],
)
def test_the_charset_is_what_the_bytes_are_and_a_lie_is_noticed(
    declared: bytes, raw: bytes, text: str, trusted: bool
) -> None:
    message = Message(HEAD + b"||||||" + declared + b"\rPID|1||7||" + raw + b"\r")
    assert message.get("PID-5") == text
    assert message.charset.trusted is trusted


def test_a_translation_changes_the_delimiters_and_not_the_meaning() -> None:
    message = Message(HEAD + b"\rPID|1||7^^^H&1&ISO~8||O\\T\\H$ara^a:b\\.br\\c\\S\\\r")
    other = message.translate(Delimiters(b"$", b":", b"*", b"\\", b"@"))
    assert bytes(other).startswith(b"MSH$:*\\@$LAB$")
    assert other.get("PID-3[2]") == "8"
    assert other.get("PID-3.4.3") == "ISO"
    assert other.get("PID-5.1") == "O&H$ara"
    assert other.get("PID-5.2") == "a:b\nc^"
    back = other.translate(message.delimiters)
    assert [back.get(path) for path in ("PID-5.1", "PID-5.2", "PID-3.4.2")] == ["O&H$ara", "a:b\nc^", "1"]


def test_a_message_without_msh_is_refused_in_words() -> None:
    for raw in (b"", b"fail", b"PID|1", b"MSH", b"\x06"):
        with pytest.raises(NotHL7, match=r"MSH"):
            Message(raw)


def test_the_header_is_read_without_the_rest() -> None:
    raw = b"MSH|^~\\&|A^1|B|C|D|20260105||ADT^A01^ADT_A01|77|P^T|2.5.1^USA|||AL|NE||8859/1~ASCII\rP\xff"
    header = read_header(raw)
    assert header.kind == "ADT^A01"
    assert header.control_id == "77"
    assert header.version == "2.5.1"
    assert header.processing_id == "P"
    assert header.accept_condition == "AL"
    assert header.application_condition == "NE"
    assert header.charset_name == "8859/1"
    assert header.field(1) == b"|"
    assert header.field(99) == b""
    assert read_header(b"MSH|^~\\&|A|||||| ADT\nPID|1\r").kind == " ADT"
    assert read_header(ODD["colons"]).kind == "ACK"


def test_texts_are_those_of_every_repetition() -> None:
    segment = Message(b"MSH|^~\\&|A\rNTE|1||a\\T\\b~~c^d&e\r").segments[1]
    assert segment.texts(3) == ["a&b", "", "c^d&e"]
    assert segment.texts(3, 2) == ["", "", "d&e"]
    assert segment.texts(3, 1) == [segment.text(3, place, 1) for place in (1, 2, 3)]
    assert segment.texts(4) == []


def test_a_format_command_with_an_endless_number_stays_text() -> None:
    sequence = "\\.sp" + "9" * 5000 + "\\"
    segment = Message(f"MSH|^~\\&|A\rNTE|1||{sequence}\r".encode()).segments[1]
    assert segment.text(3) == sequence
