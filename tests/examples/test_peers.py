"""The example peers: that they stand alone, and what each of the careful one's parts copes with."""

from __future__ import annotations

import ast
import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mockehr.examples import careful_peer, careless_peer

HEAD = b"MSH|^~\\&|EHR|HOSPITAL|PEER|CLINIC|20260105120000||ADT^A01^ADT_A01|%s|P|2.5.1"
PEOPLE = {"a": b"PID|1||42^^^X^MR||Muster^Erika||19800304|F", "b": b"PID|1||43^^^X^MR||Roe^Jo||19810101|M"}


def message(id: str, *segments: bytes, head: bytes = b"") -> bytes:
    return b"\r".join((HEAD % id.encode() + head, *segments, b""))


def block(payload: bytes, start: bytes = b"\x0b", end: bytes = b"\x1c\r") -> bytes:
    return start + payload + end


@pytest.mark.parametrize("program", [careful_peer, careless_peer])
def test_a_peer_stands_for_its_readers_own_code_and_imports_nothing_of_ours(program: Any) -> None:
    nodes = list(ast.walk(ast.parse(Path(program.__file__).read_text("utf-8"))))
    names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    names += [one.name for node in nodes if isinstance(node, ast.Import) for one in node.names]
    assert "asyncio" in names
    assert {name.partition(".")[0] for name in names} <= {*sys.stdlib_module_names}


@pytest.mark.parametrize("program", ["careful_peer", "careless_peer"])
def test_a_missing_variable_is_a_usage_error_that_names_it(program: str) -> None:
    bare = {key: value for key, value in os.environ.items() if not key.startswith("MOCKEHR_")}
    command = [sys.executable, "-m", f"mockehr.examples.{program}"]
    done = subprocess.run(command, env=bare, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "MOCKEHR_OUTPUT" in done.stderr


def test_settings_are_those_of_the_site_named() -> None:
    environment = {"MOCKEHR_NORTH_FEED_PORT": "1", "MOCKEHR_SOUTH_WING_MLLP_PORT": "2", "MOCKEHR_SITES": "north"}
    for program in (careful_peer, careless_peer):
        assert program.settings_of("north", environment) == {"FEED_PORT": "1"}
        assert program.settings_of("south-wing", environment) == {"MLLP_PORT": "2"}


ONE, TWO = message("1", PEOPLE["a"]), message("2", PEOPLE["b"])


@pytest.mark.parametrize(
    "octets",
    [
        block(ONE) + block(TWO),
        b"\r\nPING\x00" + block(ONE) + b"junk\r\n" + block(TWO),
        block(ONE, start=b"") + block(TWO),
        block(ONE, start=b"\x0b\x0b") + block(TWO),
        block(ONE, end=b"") + block(TWO),
        block(ONE, end=b"\x1c") + block(TWO),
        block(ONE, end=b"\x1c\r\x1c\r") + block(TWO),
        block(ONE, end=b"\x1c\r\n") + block(TWO, end=b""),
        block(ONE) + block(TWO, end=b"\x1c"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_messages_come_out_of_a_stream_however_it_is_cut_and_framed(octets: bytes, size: int) -> None:
    frames, inbox = careful_peer.Frames(), careful_peer.Inbox()
    pieces = [piece for at in range(0, len(octets), size) for piece in frames.feed(octets[at : at + size])]
    for piece in pieces + frames.rest():
        inbox.take(piece)
    assert [one.octets for _, _, one in inbox.messages] == [ONE.strip(), TWO.strip()]


def test_half_a_message_is_none() -> None:
    frames = careful_peer.Frames()
    assert frames.feed(b"\x0b" + ONE[:-9]) == frames.rest() == []


@pytest.mark.parametrize(
    ("octets", "declared", "text"),
    [
        ("Muñoz".encode(), "", "Muñoz"),
        ("Muñoz".encode(), "8859/1", "Muñoz"),
        ("Muñoz".encode("cp1252"), "UNICODE UTF-8", "Muñoz"),
        ("Muñoz’s".encode("cp1252"), "ASCII", "Muñoz’s"),
        ("Łukasz".encode("iso8859-2"), "8859/2", "Łukasz"),
        ("Muñoz".encode("cp1252"), "KLINGON", "Muñoz"),
        (b"\x81", "", "\x81"),
    ],
)
def test_text_is_read_by_what_is_there(octets: bytes, declared: str, text: str) -> None:
    assert careful_peer.decode(octets, declared) == text


def test_delimiters_and_escapes_are_those_of_the_message() -> None:
    told = careful_peer.Message(b"MSH$*~!@$A$B$C$D$20260105$$ADT*A01$1$P$2.5\nPID$1$$42$$O!S!Neil!X21!!.br!!Z!*Zoe\n")
    assert (told.kind, told.trigger, told.id) == ("ADT", "A01", "1")
    assert told.at(told.first("PID"), 5, 1) == "O*Neil!\n!Z!"


@pytest.mark.parametrize(
    ("head", "codes"),
    [(b"", [b"AA"]), (b"|||AL|NE", [b"CA"]), (b"|||AL|AL", [b"CA", b"AA"]), (b"|||NE|NE", []), (b"|||ER|NE", [])],
)
def test_a_message_is_acknowledged_as_it_wants_to_be(head: bytes, codes: list[bytes]) -> None:
    answers = careful_peer.Inbox().take(message("7", PEOPLE["a"], head=head))
    assert [careful_peer.acknowledged(one)[:2] for one in answers] == [(code, b"7") for code in codes]


def test_an_acknowledgement_is_written_in_the_delimiters_of_the_message() -> None:
    (answer,) = careful_peer.Inbox().take(b"MSH$*~!@$A$B$C$D$20260105$$ADT*A01$1|7$P$2.5\r")
    assert answer.startswith(b"MSH$*~!@$C$D$A$B$")
    assert answer.endswith(b"$ACK*A01*ACK$ACK1$P$2.5\rMSA$AA$1|7\r")


def test_what_is_no_message_is_not_answered() -> None:
    assert careful_peer.Inbox().take(b"PING") == careful_peer.Inbox().take(b"MSH") == []


def test_a_message_is_applied_once_and_another_one_of_its_id_too() -> None:
    inbox = careful_peer.Inbox()
    for octets in (ONE, ONE, message("1", PEOPLE["b"])):
        assert len(inbox.take(octets)) == 1
    assert [one["id"] for one in inbox.records() if one["resourceType"] == "Person"] == ["42", "43"]
    assert sum(one["resourceType"] == "Message" for one in inbox.records()) == 2


def stay(id: str, trigger: str, at: str) -> bytes:
    evn = f"EVN|{trigger}|{at}".encode()
    pv1 = b"PV1|1|I|MED^1^A" + b"|" * 16 + b"V7"
    return message(id, evn, PEOPLE["a"], pv1).replace(b"ADT^A01", f"ADT^{trigger}".encode())


def test_what_happened_last_counts_and_not_what_came_last() -> None:
    for first, second in [("20260105120000", "20260105120500"), ("20260105120000", "20260105120000")]:
        inbox = careful_peer.Inbox()
        inbox.take(stay("12", "A03", second))
        inbox.take(stay("9", "A01", first))
        (visit,) = inbox.records().kept["Visit"].values()
        assert visit["status"] == "discharged"


def merge(id: str, survivor: str, loser: str, at: int) -> bytes:
    body = message(id, b"EVN|A40|2026010512%02d00" % at, PEOPLE[survivor])
    number = careful_peer.Message(message("", PEOPLE[loser])).segments[1][3].encode()
    return body.replace(b"ADT^A01", b"ADT^A40") + b"MRG|" + number + b"\r"


@pytest.mark.parametrize(
    ("merges", "left"), [(["ab"], ["42"]), (["ab", "ba"], ["43"]), (["ab", "ab"], ["42"]), (["aa"], ["42", "43"])]
)
def test_the_last_of_two_merges_counts_and_nobody_is_merged_into_himself(merges: list[str], left: list[str]) -> None:
    inbox = careful_peer.Inbox()
    for octets in (ONE, TWO):
        inbox.take(octets)
    answers = [inbox.take(merge(f"m{n}", *pair, n)) for n, pair in enumerate(merges, 1)]
    assert [one["id"] for one in inbox.records() if one["resourceType"] == "Person"] == left
    assert (b"MSA|AE|m1" in answers[0][0]) == (merges == ["aa"])


def results(*lines: bytes, filler: bytes = b"F1") -> careful_peer.Records:
    records = careful_peer.Records()
    obr = b"OBR|1||" + filler
    records.apply(careful_peer.Message(message("1", PEOPLE["a"], obr, *lines).replace(b"ADT^A01", b"ORU^R01")))
    return records


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        (b"OBX|1|NM|2345-7^Glucose^LN||5.1|mg/dL|||||F", "F1:2345-7", "5.1"),
        (b"OBX|1|String|GLUC^Glucose^L^2345-7^Glucose^LN||5.1|MGDL|||||F", "F1:2345-7", "5.1"),
        (b"OBX|1|NM|GLUC^Glucose^L||<5|mg/dL|||||F", "F1:GLUC", "<5"),
        (b"OBX|1|NM|2345-7^Glucose^LN|1|005,10 H|mg/dL|||||F", "F1:2345-7:1", "5.10"),
        (b"OBX|1|NM|2345-7^Glucose^LN||pending|mg/dL|||||F", "F1:2345-7", "pending"),
    ],
)
def test_a_result_is_kept_whatever_its_type_says(line: bytes, key: str, value: str) -> None:
    ((found, record),) = results(line).kept["Result"].items()
    assert (found, record["value"], record["units"]) == (key, value, "mg/dL")


def test_lines_of_one_text_are_put_together_and_long_ones_are_kept() -> None:
    lines = (b"OBX|1|TX|R^Report^L|1|one|||||||F", b"OBX|2|TX|R^Report^L|2||||||||F", b"OBX|3|TX|R^Report^L|3|two")
    assert results(*lines).kept["Result"]["F1:R"]["value"] == "one\n\ntwo"
    long = results(b"OBX|1|ED|PDF^Document^L||^application^pdf^Base64^" + b"A" * 2_000_000)
    assert len(long.kept["Result"]["F1:PDF"]["value"]) > 2_000_000


def test_two_quotation_marks_delete_and_nothing_leaves_what_is_known() -> None:
    records = careful_peer.Records()
    for pid in (PEOPLE["a"], b'PID|1||42^^^X^MR||Muster^||""|', b"PID|1||42^^^X^MR"):
        records.apply(careful_peer.Message(message("1", pid)))
    assert records.kept["Person"]["42"] == {"family": "Muster", "given": "Erika", "sex": "F"}


def test_a_person_is_known_by_type_and_authority_and_not_by_place() -> None:
    records = careful_peer.Records()
    for number in (b"0042^^^X^MR~9^^^Y^PI", b"9^^^Y^PI~0042^^^X^MR", b'""^^^^PPN~42^^^X^MR', b"00-42^^^X", b""):
        pid = b"PID|1||" + number + b"||Muster" if number else b"PID|1|0042|||Muster"
        records.apply(careful_peer.Message(message("1", pid)))
    assert list(records.kept["Person"]) == ["0042"]


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        (b"MSH|^~\\&|A\rMSA|AA|M1\r", (b"AA", b"M1", b"")),
        (b"MSH:;~\\&:A\nMSA:CA:M1\n", (b"CA", b"M1", b"")),
        (b"MSA|AE|M1\rERR|||207^down\r", (b"AE", b"M1", b"207")),
        (b"MSH|^~\\&|A\rMSA|AA", (b"AA", b"", b"")),
        (b"fail", (b"", b"", b"")),
        (b"\x15", (b"", b"", b"")),
    ],
)
def test_an_acknowledgement_is_read_as_far_as_it_is_one(octets: bytes, found: tuple[bytes, bytes, bytes]) -> None:
    assert careful_peer.acknowledged(octets) == found


Handler = Callable[[int, bytes], bytes | None]


def delivered(handler: Handler, count: int = 1, within: float = 0.1) -> tuple[list[bool], list[tuple[int, bytes]]]:
    """Send that many messages to a site that answers so; whether each was taken, and (connection, octets) that came.

    The handler gets the number of the block and the block; None closes the connection.
    """
    came: list[tuple[int, bytes]] = []
    connections = [0]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[0] += 1
        own = connections[0]
        with suppress(asyncio.CancelledError):
            while octets := await reader.read(65536):
                came.append((own, octets))
                answer = handler(len(came), octets)
                if answer is None:
                    break
                writer.write(answer)
        writer.close()

    async def run() -> list[bool]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        outbox = careful_peer.Outbox(server.sockets[0].getsockname()[1], within)
        taken = [await outbox.deliver(id, body) for id, body in careful_peer.admissions(count)]
        outbox.hang_up()
        server.close()
        await server.wait_closed()
        return taken

    return asyncio.run(run()), came


def answered(octets: bytes, code: bytes = b"AA", error: bytes = b"", id: bytes = b"") -> bytes:
    own = id or octets.split(b"|")[9]
    return block(b"MSH|^~\\&|A\rMSA|" + code + b"|" + own + (b"\rERR|||" + error if error else b""))


def test_an_answer_to_something_else_is_passed_over_and_its_own_one_taken() -> None:
    taken, came = delivered(
        lambda n, block: answered(block, id=b"OTHER") + b"\x0b\x06\x1c\r" + answered(block) * 2, 2
    )
    assert taken == [True, True]
    assert len(came) == 2


@pytest.mark.parametrize("first", [b"", block(b"\x15"), None, b"\x0bfail\x1c\r"])
def test_what_was_not_acknowledged_is_sent_again_as_it_was(first: bytes | None) -> None:
    taken, came = delivered(lambda n, block: first if n == 1 else answered(block))
    assert taken == [True]
    assert len({octets for _, octets in came}) == 1
    assert [one for one, _ in came] == ([1, 1] if first == block(b"\x15") else [1, 2])


def test_what_was_refused_is_parked_and_what_follows_goes_on() -> None:
    taken, came = delivered(lambda n, block: answered(block, b"AE" if n == 1 else b"AA", b"103"), 2)
    assert taken == [False, True]
    assert len(came) == 2
