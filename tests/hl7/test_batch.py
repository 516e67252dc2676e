"""Batch files: every form in which production writes them, and what is found wrong with them."""

from __future__ import annotations

from itertools import product

import pytest

from mockehr.hl7.batch import BatchFile, read_batch, respond, write_batch
from mockehr.hl7.dialect import GENERIC
from mockehr.hl7.message import Message

AT = 1_767_614_400.0


def message(number: int) -> bytes:
    return f"MSH|^~\\&|A|B|C|D|20260105||ADT^A28|M{number}|P|2.5.1\rEVN|A28\rPID|1||{number}\r".encode()


def written(count: int = 2, **more: object) -> bytes:
    return write_batch([message(n) for n in range(count)], GENERIC, at=AT, control_id="F1", **more)  # type: ignore[arg-type]


def kinds(content: BatchFile) -> list[str]:
    return [finding.kind for finding in content.findings]


def test_what_is_written_is_read_back() -> None:
    octets = written(name="x.hl7")
    assert octets.startswith(b"FHS|^~\\&|MOCKEHR|HOSPITAL|CLIENT|CLIENT|20260105120000||x.hl7||F1\rBHS|^~\\&|MOCKEHR")
    assert octets.endswith(b"BTS|2\rFTS|1\r")
    content = read_batch(octets)
    assert content == BatchFile((message(0), message(1)), (), headers=True, batches=1, control_id="F1")


def test_without_headers_messages_just_follow_one_another() -> None:
    octets = written(3, headers=False)
    assert octets == message(0) + message(1) + message(2)
    content = read_batch(octets)
    assert (len(content.messages), content.headers, content.batches, content.findings) == (3, False, 0, ())


@pytest.mark.parametrize(
    ("end", "between"),
    list(product([b"\r", b"\n", b"\r\n"], [b"", b"\r", b"\n\n", b"\x0c", b"\r\n\x0c\r\n", b"\x1c\r\x0b"])),
)
def test_every_line_end_and_what_stands_between_messages(end: bytes, between: bytes) -> None:
    octets = between.join(message(n).replace(b"\r", end) for n in range(3))
    content = read_batch(octets)
    assert [Message(one).get("MSH-10") for one in content.messages] == ["M0", "M1", "M2"]
    assert [[segment.id for segment in Message(one).segments if segment.id] for one in content.messages] == [
        ["MSH", "EVN", "PID"]
    ] * 3
    assert content.findings == ()


def test_framed_messages_and_a_byte_order_mark_do_not_matter() -> None:
    octets = b"\xef\xbb\xbf" + written()
    assert len(read_batch(octets).messages) == 2
    framed = b"".join(b"\x0b" + message(n) + b"\x1c\r" for n in range(2))
    assert read_batch(framed).messages == (message(0), message(1))


def test_counts_that_lie_are_found_where_they_stand() -> None:
    octets = written(batch_count=96, file_count=3)
    content = read_batch(octets)
    assert kinds(content) == ["batch-count", "file-count"]
    assert "96" in content.findings[0].text
    assert octets[content.findings[0].offset :].startswith(b"BTS|96")
    assert len(content.messages) == 2


@pytest.mark.parametrize("missing", [1, 6, 12, 13, 30])
def test_a_file_that_is_cut_off_is_found(missing: int) -> None:
    octets = written()[:-missing]
    content = read_batch(octets)
    assert ("truncated" in kinds(content)) == (missing > 1)
    assert content.cut == (missing > 12)


def test_a_message_that_breaks_off_in_a_file_is_said_to_be_cut() -> None:
    content = read_batch(written()[:-20])
    assert (kinds(content), content.cut) == (["truncated"], True)


def test_ids_that_repeat_or_are_missing_are_found() -> None:
    octets = message(1) + message(2) + message(1) + message(3).replace(b"|M3|", b"||")
    content = read_batch(octets)
    assert kinds(content) == ["duplicate-id", "no-id"]
    assert content.findings[0].offset == len(message(1) + message(2))


def test_several_batches_trailers_without_headers_and_junk_are_told() -> None:
    one = written().split(b"\r", 1)[1].replace(b"FTS|1\r", b"")
    assert kinds(read_batch(b"FHS|^~\\&\r" + one + one.replace(b"|M", b"|N") + b"FTS|2\r")) == []
    assert kinds(read_batch(b"hello\r" + message(1) + b"BTS|1\r")) == ["junk", "stray-trailer"]
    assert "stray-trailer" in kinds(read_batch(message(1) + b"FTS|0\r"))


def test_a_batch_of_nothing_is_a_batch() -> None:
    content = read_batch(written(0))
    assert (content.messages, content.findings, content.batches) == ((), (), 1)
    assert read_batch(b"") == BatchFile(())
    assert kinds(read_batch(b"no HL7 in here")) == ["junk"]


def test_text_that_looks_like_a_header_is_text() -> None:
    body = message(1).replace(b"PID|1||1", b"NTE|1||see MSH|and BTS|here")
    assert read_batch(body).messages == (body,)


def test_the_answer_holds_only_what_was_refused_unless_all_are_wanted() -> None:
    acks = [b"MSH|^~\\&|A\rMSA|AA|1\r", b"MSH|^~\\&|A\rMSA|AE|2\r", b"MSH|^~\\&|A\rMSA|CA|3\r"]
    content = read_batch(written())
    errors = read_batch(respond(acks, content, GENERIC, at=AT, control_id="R1"))
    assert errors.messages == (acks[1],)
    octets = respond(acks, content, GENERIC, at=AT, control_id="R1", only_errors=False)
    assert len(read_batch(octets).messages) == 3
    assert octets.split(b"\r")[1].endswith(b"|R1|F1")
