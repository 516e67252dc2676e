"""Framing: whatever the chunks and whatever lies between, the same payloads come out."""

import time
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.hl7.frame import NOTED, Deframer, frame

MESSAGE = b"MSH|^~\\&|A|B|C|D|20260105120000||ADT^A01|1|P|2.5.1\rPID|1||7^^^H^MR\r"
OTHER = b"MSH|^~\\&|A|B|C|D|20260105120001||ADT^A03|2|P|2.5.1\r"

payloads = st.binary(min_size=1, max_size=80).map(
    lambda raw: b"MSH|^~\\&|" + raw.replace(b"\x0b", b"?").replace(b"\x1c\r", b"??") + b"."
)
junk = st.sampled_from([b"", b"\n", b"\r\n", b"\r\r\n\n", b"\x1c\r", b"garbage", b"\x1c", b"\x00\x06", b"  "])


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    wanted = draw(st.lists(payloads, max_size=6))
    wire = b""
    for payload in wanted:
        between = draw(junk)
        # A 1C at the end of junk followed by a payload is only junk if no CR comes right after it: 0B does.
        wire += between + draw(st.sampled_from([b"", b"\x0b"])) + frame(payload)
    return wire + draw(junk), wanted


def chunks(wire: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(wire) + 1) for cut in cuts} | {0, len(wire)})
    return [wire[start:end] for start, end in pairwise(places)]


@given(streams(), st.lists(st.integers(0, 10_000), max_size=30))
def test_any_chunking_of_frames_with_junk_between_gives_the_same_payloads(
    stream: tuple[bytes, list[bytes]], cuts: list[int]
) -> None:
    wire, wanted = stream
    deframer = Deframer()
    found = [received for chunk in chunks(wire, cuts) for received in deframer.feed(chunk)]
    assert [received.payload for received in found] == wanted
    assert all(received.complete for received in found)


@given(st.binary(max_size=200), st.lists(st.integers(0, 10_000), max_size=30), st.integers(1, 60))
def test_what_a_deframer_yields_of_any_bytes_does_not_depend_on_the_chunks(
    raw: bytes, cuts: list[int], limit: int
) -> None:
    # Few distinct octets, so that starts and ends are frequent.
    wire = bytes(b"\x0b\x1c\r\nMSH|"[octet % 8] for octet in raw)
    whole, cut = Deframer(limit), Deframer(limit)
    expected = whole.feed(wire) + whole.finish()
    found = [received for chunk in chunks(wire, cuts) for received in cut.feed(chunk)] + cut.finish()
    assert [(one.payload, one.complete) for one in found] == [(one.payload, one.complete) for one in expected]


@given(st.lists(st.integers(0, 10_000), max_size=10))
def test_anomalies_and_their_offsets_do_not_depend_on_the_chunks(cuts: list[int]) -> None:
    wire = b"\r\n" + frame(MESSAGE) + b"xx\x0b" + MESSAGE + frame(OTHER) + OTHER + b"\x1c\r"
    deframer = Deframer()
    found = [received for chunk in chunks(wire, cuts) for received in deframer.feed(chunk)]
    assert [[(one.kind, one.offset) for one in received.anomalies] for received in found] == [
        [("line-ends", 0)],
        [("junk", len(MESSAGE) + 5), ("missing-end", 2 * len(MESSAGE) + 8)],
        [],
        [("missing-start", 2 * len(MESSAGE) + 8 + len(OTHER) + 3)],
    ]


@pytest.mark.parametrize(
    ("wire", "kinds"),
    [
        (frame(MESSAGE) + frame(OTHER), [[], []]),
        (frame(MESSAGE) + b"\n" + frame(OTHER), [[], ["line-ends"]]),
        (b"\x0b" + frame(MESSAGE) + b"\x1c\r" + frame(OTHER), [["double-start"], ["stray-end"]]),
        (MESSAGE + b"\x1c\r" + frame(OTHER), [["missing-start"], []]),
        (b"\x0b" + MESSAGE + frame(OTHER), [["missing-end"], []]),
        (b"\x0b" + MESSAGE + b"\x1c" + frame(OTHER), [["missing-cr"], []]),
        (b"\x0b" + MESSAGE + b"\x1c\n" + frame(OTHER), [["missing-cr"], []]),
        (frame(MESSAGE[:30] + b"\x1c" + MESSAGE[30:]) + frame(OTHER), [["lone-fs"], []]),
        (frame(b"") + frame(OTHER), [["empty"], []]),
    ],
)
def test_each_irregularity_is_named_and_the_next_message_survives_it(wire: bytes, kinds: list[list[str]]) -> None:
    found = Deframer().feed(wire)
    assert [[one.kind for one in received.anomalies] for received in found] == kinds
    assert found[-1].payload == OTHER


def test_only_a_message_that_was_ended_counts_as_complete() -> None:
    broken, whole = Deframer().feed(b"\x0b" + MESSAGE + frame(OTHER))
    assert not broken.complete
    assert broken.payload == MESSAGE
    assert whole.complete


def test_a_payload_beyond_the_limit_is_refused_with_its_head_and_the_next_one_is_taken() -> None:
    deframer = Deframer(limit=100)
    found = []
    for start in range(0, 1000, 50):
        found += deframer.feed((b"\x0b" + MESSAGE + b"x" * 1000)[start : start + 50])
        assert deframer.waiting <= 151
    found += deframer.feed(b"\x1c\r" + frame(OTHER))
    assert [received.payload for received in found] == [(MESSAGE + b"x" * 100)[:100], OTHER]
    assert [received.complete for received in found] == [False, True]
    assert found[0].anomalies[0].kind == "too-long"


def test_a_payload_of_exactly_the_limit_is_taken() -> None:
    assert Deframer(limit=len(MESSAGE)).feed(frame(MESSAGE))[0].complete
    assert not Deframer(limit=len(MESSAGE) - 1).feed(frame(MESSAGE))[0].complete


def test_a_missing_final_cr_can_be_given_up_on() -> None:
    deframer = Deframer()
    assert deframer.feed(b"\x0b" + MESSAGE + b"\x1c") == []
    assert deframer.poised
    (received,) = deframer.finish()
    assert received.payload == MESSAGE
    assert received.complete
    assert [one.payload for one in deframer.feed(b"\r" + frame(OTHER))] == [OTHER]


def test_noise_without_a_message_is_kept_as_an_anomaly_and_not_in_memory() -> None:
    deframer = Deframer(limit=1000)
    for _ in range(100):
        assert deframer.feed(b"GET / HTTP/1.1\n" * 10) == []
    assert deframer.waiting <= 1001
    assert {one.kind for one in deframer.unattached} == {"junk"}


def test_a_frame_wraps_the_payload_and_nothing_else() -> None:
    assert frame(b"abc") == b"\x0babc\x1c\x0d"


@pytest.mark.parametrize("flood", [b"\x0b", b"\x1c\r", b"\x0b\x1c\r", b"\r\n\x0b"])
def test_a_flood_of_marks_costs_no_more_than_its_length_and_fills_no_memory(flood: bytes) -> None:
    deframer = Deframer()
    frames = deframer.feed(flood * 200_000 + frame(b"MSH|^~\\&"))
    assert frames[-1].payload == b"MSH|^~\\&"
    assert all(len(found.anomalies) <= NOTED for found in frames)


def fed(wire: bytes, size: int, limit: int = 100_000_000) -> list[int]:
    """Sizes of the payloads of that wire, fed in chunks of so many octets."""
    deframer = Deframer(limit)
    chunks = (wire[start : start + size] for start in range(0, len(wire), size))
    return [len(received.payload) for chunk in chunks for received in deframer.feed(chunk)]


def test_ten_megabytes_in_chunks_are_held_in_less_than_three_times_their_size() -> None:
    size = 10_000_000
    wire = frame(MESSAGE + b"x" * (size - len(MESSAGE)))
    tracemalloc.start()
    try:
        assert fed(wire, 1 << 16) == [size]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * size


@pytest.mark.parametrize("filling", [b"x", b"\x1c", b"\r"])
def test_eight_times_the_octets_cost_about_eight_times_as_much(filling: bytes) -> None:
    def cost(size: int) -> float:
        wire = frame(MESSAGE + filling * size + b".")
        begin = time.process_time()
        fed(wire, 4096)
        return time.process_time() - begin

    small = min(cost(2_000_000) for _ in range(3))
    large = min(cost(16_000_000) for _ in range(2))
    assert large < 24 * max(small, 0.001)  # the square would cost 64 times as much


def test_the_limit_of_a_hundred_megabytes_is_that_of_a_payload() -> None:
    block = b"x" * 1_000_000
    deframer = Deframer()
    deframer.feed(b"\x0b")
    for _ in range(100):
        assert deframer.feed(block) == []
    (whole,) = deframer.feed(b"\x1c\r")
    assert whole.complete
    assert len(whole.payload) == 100_000_000
    deframer.feed(b"\x0b")
    refused = [received for _ in range(101) for received in deframer.feed(block)]
    assert [received.complete for received in refused] == [False]
    assert deframer.waiting < 1_000_002


@pytest.mark.parametrize(("octet", "kind"), [(b"\x06", "ack"), (b"\x15", "nak")])
def test_a_single_octet_is_a_commit_whatever_the_chunks(octet: bytes, kind: str) -> None:
    wire = frame(octet) + frame(MESSAGE) + frame(octet)
    for size in (1, 2, 100):
        deframer = Deframer()
        found = [one for start in range(0, len(wire), size) for one in deframer.feed(wire[start : start + size])]
        assert [received.commit for received in found] == [kind, None, kind]
