"""How receivers and interface engines acknowledge."""

from dataclasses import replace

import pytest

from mockehr.hl7.ack import acknowledge
from mockehr.hl7.dialect import GENERIC
from mockehr.hl7.dialects import DIALECTS
from mockehr.hl7.engines import ENGINES
from mockehr.hl7.faults import Fault
from mockehr.hl7.habits import STANDARD, AckHabit
from mockehr.hl7.message import Message

SENT = b"MSH|^~\\&|ADT1^a|WARD^b|LAB^c|HOSP^d|20260105120000||ADT^A01^ADT_A01|M1|T|2.5.1||||||8859/1\rPID|1||1\r"
AT = 1_767_614_400.25
FAULT = Fault(101, "PID", 1, 5, text="PID-5 is empty")


def acked(habit: AckHabit, code: str = "AA", message: bytes = SENT, **more: object) -> Message:
    return Message(acknowledge(message, code, at=AT, control_id="N7", habit=habit, **more))  # type: ignore[arg-type]


def refused(habit: AckHabit, code: str = "AE") -> Message:
    return acked(habit, code, text="PID-5 is empty", errors=(FAULT,))


@pytest.mark.parametrize(
    ("kind", "modern", "old"),
    [
        ("by-version", "ACK^A01^ACK", "ACK"),
        ("plain", "ACK", "ACK"),
        ("trigger", "ACK^A01", "ACK^A01"),
        ("full", "ACK^A01^ACK", "ACK^A01^ACK"),
    ],
)
def test_msh_9_follows_the_habit(kind: str, modern: str, old: str) -> None:
    habit = AckHabit(kind=kind)  # type: ignore[arg-type]
    assert acked(habit).get("MSH-9") == modern
    assert acked(habit, message=SENT.replace(b"2.5.1", b"2.3")).get("MSH-9") == old


def test_what_has_no_trigger_is_answered_with_a_plain_ack_by_every_habit() -> None:
    for kind in ("by-version", "plain", "trigger", "full"):
        message = SENT.replace(b"ADT^A01^ADT_A01", b"ADT")
        assert acked(AckHabit(kind=kind), message=message).get("MSH-9") == "ACK"  # type: ignore[arg-type]


def test_the_default_habit_and_one_equal_to_it_write_the_same_octets() -> None:
    same = replace(STANDARD)
    assert same is not STANDARD
    for code in ("AA", "AE", "AR"):
        assert bytes(refused(STANDARD, code)) == bytes(refused(same, code))


def test_parties_are_swapped_or_not() -> None:
    assert [acked(AckHabit(swap=True)).get(f"MSH-{n}.1") for n in (3, 4, 5, 6)] == ["LAB", "HOSP", "ADT1", "WARD"]
    assert [acked(AckHabit(swap=False)).get(f"MSH-{n}.1") for n in (3, 4, 5, 6)] == ["ADT1", "WARD", "LAB", "HOSP"]


def test_mirth_acknowledges_with_its_time_stamp_as_control_id() -> None:
    ack = acked(ENGINES.get("mirth").ack)
    assert ack.get("MSH-10") == ack.get("MSH-7") == "20260105120000.250"
    assert ack.get("MSH-3") == "LAB"
    assert ack.get("MSH-18") == ""
    assert ack.get("MSA-2") == "M1"


def test_mirth_says_nothing_of_what_was_wrong() -> None:
    ack = refused(ENGINES.get("mirth").ack)
    assert ack.get("MSA-3") == "An Error Occurred Processing Message."
    assert refused(ENGINES.get("mirth").ack, "AR").get("MSA-3") == "Message Rejected."
    assert ack.segment("ERR") is None


def test_a_habit_without_error_segments_says_it_in_msa_3() -> None:
    ack = refused(ENGINES.get("cloverleaf").ack)
    assert (ack.get("MSA-3"), ack.segment("ERR")) == ("PID-5 is empty", None)
    silent = refused(AckHabit(errors="none"))
    assert (silent.get("MSA-3"), silent.segment("ERR")) == ("", None)
    assert refused(STANDARD).get("ERR-3.1") == "101"


def test_an_engine_in_front_changes_how_a_dialect_acknowledges_and_sends_and_nothing_else() -> None:
    mirth = ENGINES.get("mirth")
    fronted = DIALECTS.get("epic").behind(mirth)
    assert (fronted.ack, fronted.sending) == (mirth.ack, mirth.sending)
    assert replace(fronted, ack=GENERIC.ack, sending=GENERIC.sending) == DIALECTS.get("epic")


def test_every_engine_says_what_follows_every_answer() -> None:
    assert set(ENGINES) == {"direct", "mirth", "rhapsody", "cloverleaf"}
    for name in ENGINES:
        sending = ENGINES.get(name).sending
        retries = "retry" in (sending.on_error, sending.on_reject, sending.on_silence, sending.on_stranger)
        assert not retries or sending.waits
        assert sending.then != "retry"
