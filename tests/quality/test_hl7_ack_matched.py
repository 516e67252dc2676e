"""The probe `hl7-ack-matched` tells peers that cope from peers that do not."""

from typing import Any

import pytest

from mockehr.core.exchange import Effects, Exchange, Reply

PROBE = "hl7-ack-matched"


def message(id: str) -> bytes:
    return f"MSH|^~\\&|A|B|C|D|20260105120000||ADT^A01|{id}|P|2.5.1\rEVN|A01||{id}\r".encode()


def ack(id: str, code: str = "AA") -> bytes:
    return f"\x0bMSH|^~\\&|C|D|A|B|20260105120001||ACK|9{id}|P|2.5.1\rMSA|{code}|{id}\r\x1c\r".encode()


def hear(traffic: Any, channel: Any, id: str, answer: bytes, effects: Effects | None = None) -> None:
    traffic.add(Exchange(channel, "MLLP", body=message(id), reply=Reply(200, body=answer), effects=effects))


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (ack("1"), "pass"),
        (ack("1", "AE"), "pass"),
        (ack("2"), "fail"),
        (ack("1", "OK"), "fail"),
        (b"", "fail"),
        (b"\x15", "fail"),
    ],
)
def test_messages_of_the_site_are_to_be_acknowledged_under_their_own_id(
    traffic: Any, answer: bytes, verdict: str
) -> None:
    hear(traffic, "mllp-out", "1", answer)
    assert traffic.judged(PROBE).verdict == verdict


@pytest.mark.parametrize(("answer", "effects"), [(ack("0"), None), (ack("2"), Effects(lost=True))])
def test_a_message_whose_acknowledgement_went_wrong_is_to_be_sent_again(
    traffic: Any, answer: bytes, effects: Effects | None
) -> None:
    hear(traffic, "mllp-in", "1", ack("1"))
    assert traffic.judged(PROBE).verdict == "not-applicable"
    hear(traffic, "mllp-in", "2", answer, effects)
    hear(traffic, "mllp-in", "3", ack("3"))
    assert traffic.judged(PROBE).verdict == "fail"
    hear(traffic, "mllp-in", "2", ack("2"))
    finding = traffic.judged(PROBE)
    assert finding.verdict == "pass"
    assert finding.evidence[0].entry == 4
