"""HL7 v2 over MLLP with python-hl7 as the peer: one admission is seen the same over every channel."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import hl7
import pytest
from hl7.client import MLLPClient

from mockehr.core.exchange import Exchange
from mockehr.edge.mllp import MllpServer, Peer, Reaction
from mockehr.edge.mllp_site import listen_for
from mockehr.hl7.ack import acknowledge
from mockehr.sites.links import Link
from mockehr.testing.world import TestSite, World

ADMIT = (
    "MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|20260105120000||ADT^A01^ADT_A01|{id}|P|2.5.1\r"
    "EVN|A01|20260105120000\r"
    "PID|1||90001^^^WARD^MR||Muster^Erika||19800304|F\r"
    "PV1|1|I|3W^301^1||||||||||||||||V90001\r"
)


@pytest.fixture
def listener(mockehr: World) -> Iterator[tuple[TestSite, MllpServer]]:
    site = mockehr.site(stepped=True, open_access=True)
    server = listen_for(site.site)
    mockehr._server.threaded.run(server.start())
    yield site, server
    mockehr._server.threaded.run(server.stop())


def test_an_admission_is_acknowledged_and_seen_over_fhir(listener: tuple[TestSite, MllpServer]) -> None:
    site, server = listener
    with MLLPClient("127.0.0.1", server.port) as client:
        ack = hl7.parse(client.send_message(ADMIT.format(id="A1")).decode().strip("\x0b\x1c\r"))
    assert str(ack["MSA.F1"]) == "AA"
    assert str(ack["MSA.F2"]) == "A1"
    page = site._call(site.site.handle, Exchange("fhir", path="/Patient", query="family=muster"))
    assert b"Erika" in page.reply.body
    encounters = site._call(site.site.handle, Exchange("fhir", path="/Encounter", query="status=in-progress"))
    assert b"V90001" in encounters.reply.body
    assert [change.source for change in site.site.log.changes] == ["hl7", "hl7"]


def test_a_message_that_cannot_be_applied_is_refused_with_the_place(listener: tuple[TestSite, MllpServer]) -> None:
    _, server = listener
    with MLLPClient("127.0.0.1", server.port) as client:
        bad = ADMIT.format(id="A2").replace("Muster^Erika", "")
        ack = hl7.parse(client.send_message(bad).decode().strip("\x0b\x1c\r"))
    assert str(ack["MSA.F1"]) == "AE"
    assert "ERR||PID^1^5" in str(ack)


def test_an_ack_with_a_wrong_id_names_the_message_before(listener: tuple[TestSite, MllpServer]) -> None:
    site, server = listener
    site.quirk("ack-wrong-id")
    with MLLPClient("127.0.0.1", server.port) as client:
        answers = [client.send_message(ADMIT.format(id=name)).decode() for name in ("B1", "B2")]
    ids = [str(hl7.parse(answer.strip("\x0b\x1c\r"))["MSA.F2"]) for answer in answers]
    assert ids == ["UNKNOWN", "B1"]


def test_a_late_ack_is_noted_with_its_delay(listener: tuple[TestSite, MllpServer]) -> None:
    site, server = listener
    site.quirk("ack-late", delay="5s")
    with MLLPClient("127.0.0.1", server.port) as client:
        client.send_message(ADMIT.format(id="C1"))
    entry = site.journal(channel="mllp-in")[0]
    assert entry.effects is not None
    assert entry.effects.reply_delay == 5.0


def test_what_is_written_over_fhir_goes_out_over_hl7(mockehr: World) -> None:
    site = mockehr.site(stepped=True, open_access=True)
    arrived: list[bytes] = []

    def answer(payload: bytes, peer: Peer) -> Reaction:
        arrived.append(payload)
        return Reaction(acknowledge(payload, "AA", at=0, control_id="X"))

    server = MllpServer("127.0.0.1", 0, answer)
    run = mockehr._server.threaded.run
    run(server.start())
    acknowledged = threading.Event()
    site.site.links.settled = lambda link, exchange: acknowledged.set()
    site._call(site.site.links.add, Link("lab", "127.0.0.1", server.port))
    body = b'{"resourceType":"Patient","name":[{"family":"Muster","given":["Erika"]}]}'
    site._call(site.site.handle, Exchange("fhir", method="POST", path="/Patient", body=body))

    assert acknowledged.wait(5), "the message was not acknowledged"
    run(server.stop())
    assert b"ADT^A28" in arrived[0]
    assert b"Muster^Erika" in arrived[0]
