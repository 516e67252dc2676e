"""The sequence number protocol, without any site: numbers in and out of messages, and what they mean."""

from __future__ import annotations

import pytest

from mockehr.hl7.header import read_header
from mockehr.hl7.sequence import LARGEST, Expectation, after, expected_of, expecting, numbered, reconcile, sequence_of
from mockehr.hl7.sequence import starting as start_of

MESSAGE = b"MSH|^~\\&|A|B|C|D|20260105||ADT^A01|1|P|2.5.1\rEVN|A01\rPID|1\r"
ACK = b"MSH|^~\\&|C|D|A|B|20260105||ACK|9|P|2.5.1\rMSA|AA|1\r"


def test_a_number_goes_into_msh_13_and_nothing_else_changes() -> None:
    made = numbered(MESSAGE, 42)
    assert made == b"MSH|^~\\&|A|B|C|D|20260105||ADT^A01|1|P|2.5.1|42\rEVN|A01\rPID|1\r"
    assert sequence_of(made) == 42
    assert sequence_of(MESSAGE) is None
    full = MESSAGE.replace(b"2.5.1\r", b"2.5.1|7||AL|NE\n")
    assert numbered(full, 8) == full.replace(b"|7||", b"|8||")


def test_what_starts_a_link_tells_of_nothing() -> None:
    made = start_of(numbered(MESSAGE, 42), "S1")
    header = read_header(made)
    assert (header.kind, header.control_id, header.field(13), made.count(b"\r")) == ("", "S1", b"0", 1)


def test_msa_4_says_what_is_expected() -> None:
    assert expecting(ACK, 5).endswith(b"MSA|AA|1||5\r")
    assert expecting(ACK.replace(b"MSA|AA|1", b"MSA|AE|1|no"), -1).endswith(b"MSA|AE|1|no|-1\r")
    assert expected_of(expecting(ACK, -1)) == -1
    assert (expected_of(ACK), expected_of(b"junk"), expected_of(expecting(ACK, 1).replace(b"|1\r", b"|x\r"))) == (
        (None, None, None)
    )


def test_a_receiver_takes_numbers_one_by_one() -> None:
    expectation = Expectation()
    assert [expectation.judge(n) for n in (0, 5, 6, 6, 8, 7, -3)] == [
        "control", "take", "take", "repeated", "gap", "take", "invalid",
    ]  # fmt: skip
    assert expectation.expected == 8
    assert (expectation.judge(-1), expectation.expected) == ("control", -1)


@pytest.mark.parametrize(
    ("expected", "verdict"),
    [(None, "taken"), (5, "taken"), (6, "earlier-taken"), (3, "behind"), (9, "frozen"), (-1, "frozen")],
)
def test_a_sender_reconciles_what_it_sent_with_what_is_expected(expected: int | None, verdict: str) -> None:
    assert reconcile(5, expected) == verdict


def test_numbers_begin_anew_after_the_largest() -> None:
    assert (after(LARGEST), after(1)) == (1, 2)
    assert reconcile(LARGEST, 1) == "earlier-taken"
