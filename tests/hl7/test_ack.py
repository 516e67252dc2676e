"""Acknowledgements, judged by hl7apy as a strict reader of the standard."""

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Message as Structure
from hl7apy.parser import parse_message, parse_segments

from mockehr.hl7.ack import UNKNOWN_HEADER, acknowledge, acknowledgements
from mockehr.hl7.faults import Fault
from mockehr.hl7.header import NotHL7, read_header
from mockehr.hl7.message import Message

AT = 1_767_614_400.0


def message(version: str = "2.5.1", kind: str = "ADT^A01^ADT_A01", tail: str = "") -> bytes:
    head = f"MSH|^~\\&|LAB^1|H1|EHR|H2|20260105115959-0500|u|{kind}|M1|T|{version}{tail}"
    return head.encode() + b"\rEVN|A01|20260105\rPID|1||7^^^H^MR||Doe^J\r"


def test_sender_and_receiver_change_places_and_the_rest_is_echoed() -> None:
    ack = acknowledge(message(tail="||||||8859/1"), "AA", at=AT, control_id="A77")
    assert ack == (b"MSH|^~\\&|EHR|H2|LAB^1|H1|20260105120000||ACK^A01^ACK|A77|T|2.5.1||||||8859/1\rMSA|AA|M1\r")


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("2.1", "ACK"),
        ("2.3", "ACK"),
        ("2.3.1", "ACK"),
        ("2.4", "ACK^A01^ACK"),
        ("2.5.1", "ACK^A01^ACK"),
        ("2.5.1^USA", "ACK^A01^ACK"),
        ("2.8.1", "ACK^A01^ACK"),
        ("", "ACK"),
    ],
)
def test_msh_9_follows_the_version(version: str, kind: str) -> None:
    ack = Message(acknowledge(message(version), "AA", at=AT, control_id="1"))
    assert ack.get("MSH-9") == kind
    assert ack.get("MSH-12") == version


def test_the_senders_delimiters_are_used() -> None:
    raw = b"MSH$*~\\@$LAB$$EHR$$2026$$ADT*A01$M$1$P$2.5$\r"
    ack = acknowledge(raw, "AE", at=AT, control_id="9", text="costs $5 @ once")
    assert ack.startswith(b"MSH$*~\\@$EHR$$LAB$$20260105120000$$ACK*A01*ACK$9$")
    assert Message(ack).get("MSA-3") == "costs $5 @ once"


def test_a_short_header_is_acknowledged_as_far_as_it_goes() -> None:
    assert acknowledge(b"MSH|^~\\&|A", "AR", at=AT, control_id="1") == (
        b"MSH|^~\\&|||A||20260105120000||ACK|1||\rMSA|AR|\r"
    )


def test_what_has_no_header_can_be_refused_with_the_stand_in() -> None:
    with pytest.raises(NotHL7):
        acknowledge(b"fail", "AR", at=AT, control_id="1")
    ack = Message(acknowledge(UNKNOWN_HEADER, "AR", at=AT, control_id="1", text="no MSH"))
    assert ack.get("MSA-1") == "AR"
    assert ack.get("MSA-2") == ""


FAULTS = (
    Fault(101, "PID", 1, 5, text="PID-5 | is empty"),
    Fault(103, "PV1", 1, 2, 1, text="class?", severity="W", application_code="X1"),
    Fault(207, text="out of order"),
)


def test_errors_are_one_repeating_field_before_2_5() -> None:
    ack = Message(acknowledge(message("2.3"), "AE", at=AT, control_id="1", text="see ERR", errors=FAULTS))
    assert [bytes(segment) for segment in ack.all("ERR")] == [
        b"ERR|PID^1^5^101&Required field missing&HL70357~PV1^1^2^103&Table value not found&HL70357"
        b"~^^^207&Application internal error&HL70357"
    ]


def test_errors_are_one_segment_each_from_2_5_on() -> None:
    ack = Message(acknowledge(message(), "AE", at=AT, control_id="1", errors=FAULTS))
    assert [bytes(segment) for segment in ack.all("ERR")] == [
        b"ERR||PID^1^5|101^Required field missing^HL70357|E||||PID-5 \\F\\ is empty",
        b"ERR||PV1^1^2^1^1|103^Table value not found^HL70357|W|X1|||class?",
        b"ERR|||207^Application internal error^HL70357|E||||out of order",
    ]


def test_the_text_is_written_in_the_charset_of_the_message() -> None:
    ack = acknowledge(message(tail="||||||8859/1"), "AE", at=AT, control_id="1", text="é")
    assert b"MSA|AE|M1|\xe9\r" in ack


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5", "2.5.1", "2.6"])
@pytest.mark.parametrize(("code", "faults"), [("AA", ()), ("AE", FAULTS), ("AR", FAULTS[:1]), ("CA", ())])
def test_a_strict_reader_accepts_it(version: str, code: str, faults: tuple[Fault, ...]) -> None:
    ack = acknowledge(message(version), code, at=AT, control_id="A77", errors=faults)  # type: ignore[arg-type]
    strict = VALIDATION_LEVEL.STRICT
    if version == "2.3":
        # hl7apy finds no structure for a bare `ACK` in MSH-9, so it is told.
        parsed = Structure("ACK", version=version, validation_level=strict)
        parsed.children = parse_segments(ack.decode(), version, validation_level=strict, find_groups=False)
    else:
        parsed = parse_message(ack.decode(), validation_level=strict, find_groups=False)
    assert parsed.validate()
    assert parsed.msa.msa_1.value == code
    assert parsed.msa.msa_2.value == "M1"
    assert parsed.msh.msh_3.value == "EHR"


@pytest.mark.parametrize(
    ("conditions", "outcome", "accepted", "codes"),
    [
        ("", "A", "A", ("AA",)),
        ("", "E", "A", ("AE",)),
        ("", "A", "R", ("AR",)),
        ("|||AL|AL", "A", "A", ("CA", "AA")),
        ("|||AL|NE", "E", "A", ("CA",)),
        ("|||AL", "A", "A", ("CA",)),
        ("|||NE|NE", "R", "A", ()),
        ("|||NE|ER", "A", "A", ()),
        ("|||NE|ER", "E", "A", ("AE",)),
        ("|||ER|SU", "A", "A", ("AA",)),
        ("|||ER|SU", "E", "A", ()),
        ("|||AL|AL", "A", "R", ("CR",)),
        ("|||SU|AL", "A", "E", ()),
        ("||||AL", "A", "A", ("AA",)),
    ],
)
def test_msh_15_and_16_decide_what_is_answered(
    conditions: str, outcome: str, accepted: str, codes: tuple[str, ...]
) -> None:
    header = read_header(message(tail=conditions))
    assert acknowledgements(header, outcome, accepted=accepted) == codes  # type: ignore[arg-type]
