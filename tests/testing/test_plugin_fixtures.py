"""The fixtures beside `mockehr`: a receiver of webhooks, MLLP listeners, and the clock of a site."""

from __future__ import annotations

import socket

import pytest

from mockehr.core.errors import VerdictFailed
from mockehr.fhir.intake import Intake, import_document
from mockehr.testing.listeners import Listeners
from mockehr.testing.receiver import Receiver
from mockehr.testing.world import TestSite, World

ADMIT = (
    "MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|20260105120000||ADT^A01^ADT_A01|A1|P|2.5.1\r"
    "EVN|A01|20260105120000\r"
    "PID|1||90001^^^WARD^MR||Muster^Erika||19800304|F\r"
    "PV1|1|I|3W^301^1||||||||||||||||V90001\r"
)


def write(site: TestSite, family: str) -> None:
    patient = {"resourceType": "Patient", "id": family.lower(), "name": [{"family": family}]}
    site._call(import_document, site.site.store, patient, Intake(), source="test")


@pytest.mark.mockehr(stepped=True)
def test_a_delivery_is_recorded_with_its_signature(mockehr_site: TestSite, mockehr_webhooks: Receiver) -> None:
    assert mockehr_site.webhook(mockehr_webhooks.url, secret="s3cret", resources=["Patient"]) == "hook-1"
    write(mockehr_site, "Muster")
    [arrival] = mockehr_webhooks.wait_for(1)
    assert (arrival.number, arrival.status) == (1, 200)
    assert arrival.headers["x-mockehr-attempt"] == "1"
    assert arrival.json["resource"]["reference"] == "Patient/muster"
    assert b"Patient/muster" in arrival.body
    mockehr_webhooks.verify("s3cret")
    arrival.verify("s3cret", now=mockehr_site.now)
    with pytest.raises(VerdictFailed, match="does not fit the body"):
        mockehr_webhooks.verify("other")
    with pytest.raises(VerdictFailed, match="s old"):
        arrival.verify("s3cret", now=mockehr_site.now + 3600)


@pytest.mark.mockehr(stepped=True)
def test_an_unsigned_delivery_and_none_at_all_do_not_verify(
    mockehr_site: TestSite, mockehr_webhooks: Receiver
) -> None:
    with pytest.raises(VerdictFailed, match="Nothing arrived"):
        mockehr_webhooks.verify("s3cret")
    mockehr_site.webhook(mockehr_webhooks.url)
    write(mockehr_site, "Muster")
    mockehr_webhooks.wait_for(1)
    with pytest.raises(VerdictFailed, match="not of the form"):
        mockehr_webhooks.verify("s3cret")


@pytest.mark.mockehr(stepped=True)
def test_answers_are_given_as_told_and_then_always(mockehr_site: TestSite, mockehr_webhooks: Receiver) -> None:
    mockehr_site.webhook(mockehr_webhooks.url, ladder=["10s", "20s", "30s"])
    mockehr_webhooks.answer(500, times=1)
    mockehr_webhooks.answer(429, times=1, headers={"Retry-After": "5"})
    mockehr_webhooks.answer(202)
    write(mockehr_site, "Muster")
    mockehr_webhooks.wait_for(1)
    mockehr_site.advance("10s")
    mockehr_webhooks.wait_for(2)
    mockehr_site.advance("20s")
    assert [arrival.status for arrival in mockehr_webhooks.wait_for(3)] == [500, 429, 202]
    mockehr_site.advance("1h")
    assert [arrival.headers["x-mockehr-attempt"] for arrival in mockehr_webhooks] == ["1", "2", "3"]
    assert mockehr_site.site.outbox.delivered == 1
    assert mockehr_webhooks[-1].number == len(mockehr_webhooks) == 3


@pytest.mark.mockehr(stepped=True)
def test_time_moves_only_after_what_is_under_way_was_answered(
    mockehr_site: TestSite, mockehr_webhooks: Receiver
) -> None:
    mockehr_site.webhook(mockehr_webhooks.url, ladder=["10s"])
    mockehr_webhooks.answer(500, times=1)
    write(mockehr_site, "Muster")
    assert mockehr_site.advance("10s").fired == ("deliver evt-1 to hook-1, attempt 2",)
    assert [arrival.status for arrival in mockehr_webhooks.wait_for(2)] == [500, 200]


def test_waiting_for_what_does_not_come_says_what_came(mockehr_site: TestSite, mockehr_webhooks: Receiver) -> None:
    mockehr_site.webhook(mockehr_webhooks.url)
    write(mockehr_site, "Muster")
    mockehr_webhooks.wait_for(1)
    with pytest.raises(VerdictFailed, match=r"1 of 2 deliveries arrived within 0\.05 s") as told:
        mockehr_webhooks.wait_for(2, timeout=0.05)
    assert "Patient/muster" in str(told.value)
    assert "site.advance" in str(told.value)


def test_a_site_takes_hl7_over_mllp(mockehr: World, mockehr_mllp: Listeners) -> None:
    site, other = mockehr.site(), mockehr.site()
    host, port = mockehr_mllp(site)
    assert mockehr_mllp(site) == (host, port) != mockehr_mllp(other)
    with socket.create_connection((host, port), timeout=5) as peer:
        peer.sendall(b"\x0b" + ADMIT.encode() + b"\x1c\r")
        answer = peer.recv(4096)
    assert b"MSA|AA|A1" in answer
    assert [e.path for e in site.journal(channel="mllp-in")] == ["/"]
    assert other.journal() == []


def test_listeners_and_receivers_end_with_their_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import socket, pytest
        from urllib.parse import urlsplit
        kept = []
        def test_first(mockehr, mockehr_mllp, mockehr_webhooks):
            hook = urlsplit(mockehr_webhooks.url)
            kept.extend([mockehr_mllp(mockehr.site()), (hook.hostname, hook.port)])
            for address in kept:
                socket.create_connection(address).close()
        def test_second():
            assert len(kept) == 2
            for address in kept:
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(address)
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-Werror").assert_outcomes(passed=2)


def test_a_clock_stands_and_runs_as_told(mockehr_site: TestSite) -> None:
    assert not mockehr_site.site.clock.frozen
    mockehr_site.freeze()
    before = mockehr_site.now
    assert mockehr_site.now == before
    mockehr_site.advance("1h")
    assert mockehr_site.now == before + 3600
    mockehr_site.run(scale=1000.0)
    assert not mockehr_site.site.clock.frozen
    assert mockehr_site.now > before + 3600
    with pytest.raises(ValueError, match="positive"):
        mockehr_site.run(scale=0)
