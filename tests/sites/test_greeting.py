"""Links that count their messages: two sites, one sending and one counting, and what MSA-4 makes the sender do."""

from __future__ import annotations

from typing import Any

from mockehr.core.exchange import Exchange
from mockehr.hl7.sequence import expecting, sequence_of
from mockehr.sites.build import build_site
from mockehr.sites.feeds import Link
from mockehr.sites.listeners import Listener
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

PATIENT = {
    "resourceType": "Patient",
    "id": "a",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "9"}],
    "name": [{"family": "Muster", "given": ["Erika"]}],
}


def sender() -> tuple[Site, Link]:
    site = build_site(SiteOptions("a", stepped=True, open_access=True))
    return site, site.links.add(Link("lab", "127.0.0.1", 1, sequence=True))


def receiver() -> Site:
    site = build_site(SiteOptions("b", stepped=True, open_access=True))
    site.listeners.declare(Listener(sequence=True))
    return site


def write(site: Site, count: int = 1) -> None:
    for _ in range(count):
        kind: Any = "update" if site.store.read("Patient", "a") else "create"
        year = 1980 + len(site.log.changes)
        site.store.commit({**PATIENT, "birthDate": f"{year}-03-04"}, kind=kind, source="control")


def exchange_all(site: Site, feed: Link, peer: Site, *, lose: int = -9) -> list[int | None]:
    """Carry what may go to the peer and its answers back, but the answer to the message of the number `lose`."""
    sent: list[int | None] = []
    while taken := site.links.take(feed):
        (one,) = taken
        sent.append(sequence_of(one.body))
        reply = peer.handle(Exchange("mllp-in", body=one.body)).reply
        assert reply is not None
        code = reply.body.split(b"MSA|")[1][:2].decode()
        if sent[-1] == lose:
            site.links.settle(feed, one, code="", matched=False, ack=b"", error="lost", mishap="lost")
        else:
            site.links.settle(feed, one, code=code, matched=True, ack=reply.body, error="")
    return sent


def test_a_link_that_counts_asks_first_and_then_counts() -> None:
    (site, feed), peer = sender(), receiver()
    write(site, 3)
    assert exchange_all(site, feed, peer) == [0, 1, 2, 3]
    assert (feed.acknowledged, feed.stopped, feed.greeted) == (3, "", True)
    assert len(peer.log.changes) == 3
    kinds = [entry.interaction.name for entry in site.journal if entry.interaction is not None]
    assert kinds == ["ADT^A28", "ADT^A08", "ADT^A08", "sequence-start"]


def test_a_lost_acknowledgement_is_made_good_without_applying_twice() -> None:
    (site, feed), peer = sender(), receiver()
    write(site, 2)
    assert exchange_all(site, feed, peer, lose=1) == [0, 1]
    site.clock.advance(1)
    assert exchange_all(site, feed, peer) == [1, 2]
    assert (len(peer.log.changes), feed.acknowledged, feed.failed) == (2, 2, 0)


def test_a_link_that_starts_anew_leaves_out_what_the_peer_has() -> None:
    (site, feed), peer = sender(), receiver()
    write(site, 2)
    exchange_all(site, feed, peer, lose=1)
    site.links.resume(feed)
    assert exchange_all(site, feed, peer) == [0, 2]
    assert (len(peer.log.changes), feed.acknowledged) == (2, 2)


def test_a_peer_that_wants_what_is_gone_stops_the_link() -> None:
    (site, feed), peer = sender(), receiver()
    write(site, 3)
    for _ in range(2):
        (one,) = site.links.take(feed)
        ack = b"MSH|^~\\&|A\rMSA|AA|1\r"
        site.links.settle(feed, one, code="AA", matched=True, ack=ack, error="")
    feed.greeted = False  # the connection was made anew
    (greeting,) = site.links.take(feed)
    ack = expecting(b"MSH|^~\\&|A\rMSA|AA|1\r", 1)
    site.links.settle(feed, greeting, code="AA", matched=True, ack=ack, error="")
    assert "expects sequence number 1" in feed.stopped
    assert site.links.take(feed) == ()
    del peer


def test_a_number_that_nobody_can_reconcile_stops_the_link() -> None:
    site, feed = sender()
    write(site, 2)
    (greeting,) = site.links.take(feed)
    site.links.settle(feed, greeting, code="AA", matched=True, ack=b"MSH|^~\\&|A\rMSA|AA|1||-1\r", error="")
    (one,) = site.links.take(feed)
    site.links.settle(feed, one, code="AA", matched=True, ack=b"MSH|^~\\&|A\rMSA|AA|1||77\r", error="")
    assert "answered with 77" in feed.stopped


def test_a_peer_that_cannot_be_asked_is_asked_again_later() -> None:
    site, feed = sender()
    write(site)
    (greeting,) = site.links.take(feed)
    site.links.settle(feed, greeting, code="", matched=False, ack=b"", error="lost", mishap="lost")
    assert site.links.take(feed) == ()
    site.clock.advance(1)
    (again,) = site.links.take(feed)
    assert sequence_of(again.body) == 0


def test_a_peer_that_wants_an_earlier_number_is_asked_again_which() -> None:
    site, feed = sender()
    write(site, 2)
    for ack in (b"MSH|^~\\&|A\rMSA|AA|1||-1\r", b"MSH|^~\\&|A\rMSA|AA|1||1\r"):
        (one,) = site.links.take(feed)
        site.links.settle(feed, one, code="AA", matched=True, ack=ack, error="")
    (one,) = site.links.take(feed)
    ack = b"MSH|^~\\&|A\rMSA|AE|2||1\r"
    site.links.settle(feed, one, code="AE", matched=True, ack=ack, error="")
    write(site)
    (again,) = site.links.take(feed)
    assert (sequence_of(one.body), sequence_of(again.body)) == (2, 0)
