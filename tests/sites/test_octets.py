"""HL7 exchanges octet by octet: what was written, where, and what a rule changed."""

from __future__ import annotations

import pytest

from mockehr.core.errors import UsageError
from mockehr.core.exchange import Effects, Exchange, Reply
from mockehr.sites.build import build_site
from mockehr.sites.octets import changes, framed, legible, octets_of
from mockehr.sites.options import SiteOptions

BODY = b"MSH|^~\\&|A|B\rPID|1||9\rPV1|1|I\r"


def test_control_octets_and_foreign_letters_are_named() -> None:
    assert legible(b"\x0bMSH|\xe9\t\x00\x1c\r\n") == "<VT>MSH|<E9><TAB><00><FS><CR><LF>"


def test_a_message_is_shown_in_its_frame_with_offsets() -> None:
    exchange = Exchange("mllp-out", body=BODY, direction="out", number=7)
    exchange.reply = Reply(200, body=b"MSH|^~\\&|B\rMSA|AA|1\r")
    shown = octets_of(exchange)
    message, ack = shown["frames"]
    assert [line["octets"] for line in message["lines"]] == [
        "<VT>", "MSH|^~\\&|A|B<CR>", "PID|1||9<CR>", "PV1|1|I<CR>", "<FS><CR>",
    ]  # fmt: skip
    assert [line["offset"] for line in message["lines"]] == [0, 1, 14, 23, 31]
    assert (message["octets"], ack["what"], "changed" in message) == (33, "acknowledgement", False)


def test_what_a_rule_changed_is_told_with_its_place() -> None:
    exchange = Exchange("mllp-out", body=BODY.replace(b"||9", b"||77"), direction="out")
    exchange.notes["clean"] = BODY.decode("latin-1")
    message = octets_of(exchange)["frames"][0]
    assert message["changed"] == [{"offset": 20, "was": "9", "is": "77"}]
    assert message["changed_from"] == 1
    assert exchange.body[20:22] == b"77"
    assert list(changes(BODY, BODY.replace(b"PV1|1|I\r", b""))) == [{"offset": 22, "was": "PV1|1|I<CR>", "is": ""}]


@pytest.mark.parametrize(
    ("effects", "octets"),
    [
        (None, b"\x0bX\x1c\r"),
        (Effects(start=b"", end=b"\x1c"), b"X\x1c"),
        (Effects(prefix=b"\r\n", suffix=b"!", copies=1), b"\r\n\x0bX\x1c\r\x0bX\x1c\r!"),
        (Effects(reset="midway"), b"\x0bX"),
        (Effects(lost=True), b""),
        (Effects(reset="before"), b""),
    ],
)
def test_the_frame_is_as_the_effects_have_it(effects: Effects | None, octets: bytes) -> None:
    from mockehr.edge.mllp_manner import Manner

    assert framed(b"X", effects) == octets
    manner = Manner.of(effects)
    if not manner.reset:
        assert (b"" if manner.silent else manner.octets(b"X")) == octets


def test_an_acknowledgement_that_a_rule_changed_is_compared_with_what_it_was() -> None:
    site = build_site(SiteOptions("a", stepped=True))
    site.arm({"use": "ack-wrong-id"})
    body = b"MSH|^~\\&|A|B|C|D|20260105||ADT^A28|M1|P|2.5.1\rEVN|A28\rPID|1||9^^^B^MR||Muster^Erika\r"
    exchange = site.handle(Exchange("mllp-in", body=body))
    message, ack = octets_of(exchange)["frames"]
    assert "changed" not in message
    assert [(one["was"], one["is"]) for one in ack["changed"]] == [("M1", "UNKNOWN")]


def test_other_entries_have_no_frames() -> None:
    with pytest.raises(UsageError):
        octets_of(Exchange("fhir"))
