"""Faults on the way: never what was sent, and each kind is what it says."""

from __future__ import annotations

import pytest
from hypothesis import given

from mockehr.testing.strategies import WireFault, wire_faults
from mockehr.testing.strategies.wire import KINDS

SENT = '{"family": "Núñez"}'.encode()
FRAME = b"\x0bMSH|^~\\&|A\rPID|1\r\x1c\r"


@given(wire_faults(SENT))
def test_something_else_arrives(fault: WireFault) -> None:
    assert fault.octets != fault.sent == SENT
    assert fault.what in KINDS


@given(wire_faults(SENT, kinds=("cut",)))
def test_what_is_cut_is_the_beginning(fault: WireFault) -> None:
    assert SENT.startswith(fault.octets)


@given(wire_faults(SENT, kinds=("flipped",)))
def test_one_bit_is_wrong(fault: WireFault) -> None:
    wrong = int.from_bytes(fault.octets, "big") ^ int.from_bytes(SENT, "big")
    assert wrong.bit_count() == 1


@given(wire_faults(SENT, kinds=("doubled", "padded")))
def test_what_was_sent_is_in_it(fault: WireFault) -> None:
    assert SENT in fault.octets
    assert len(fault.octets) > len(SENT)


@given(wire_faults(SENT, kinds=("recoded",)))
def test_it_is_in_another_charset(fault: WireFault) -> None:
    assert fault.octets[:3] == b"\xef\xbb\xbf" or "ú".encode() not in fault.octets


@given(wire_faults(FRAME, kinds=("framed",)))
def test_a_frame_is_broken_and_its_content_is_there(fault: WireFault) -> None:
    assert b"PID|1" in fault.octets


def test_a_kind_that_there_is_not_is_refused() -> None:
    with pytest.raises(KeyError):
        wire_faults(SENT, kinds=("lost",))
