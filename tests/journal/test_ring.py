from __future__ import annotations

import pytest

from mockehr.core.clock import Clock
from mockehr.core.errors import UsageError
from mockehr.core.exchange import Exchange, Reply
from mockehr.journal import Journal


def kept(journal: Journal, octets: int = 0) -> Exchange:
    exchange = Exchange("fhir", body=b"x" * octets)
    journal.open(exchange)
    journal.close(exchange)
    return exchange


def test_entries_are_numbered_from_one_with_the_sites_time() -> None:
    journal = Journal(Clock(stepped=True, start=5.0))
    first, second = kept(journal), kept(journal)
    assert (first.number, second.number, second.at, journal.last, len(journal)) == (1, 2, 5.0, 2, 2)
    assert journal.get(2) is second


def test_a_number_that_is_not_kept_is_refused_with_those_that_are() -> None:
    journal = Journal(Clock(stepped=True), entries=2)
    with pytest.raises(UsageError, match="none yet"):
        journal.get(1)
    for _ in range(3):
        kept(journal)
    with pytest.raises(UsageError, match="entries kept: 2 to 3"):
        journal.get(1)


def test_beyond_the_budget_the_oldest_bodies_go_and_the_entries_stay() -> None:
    journal = Journal(Clock(stepped=True), octets=100)
    exchanges = [kept(journal, 40) for _ in range(3)]
    assert [len(e.body) for e in exchanges] == [0, 40, 40]
    assert exchanges[0].notes["trimmed"] == 40
    assert len(journal) == 3


def test_an_exchange_that_is_still_open_keeps_its_body() -> None:
    journal = Journal(Clock(stepped=True), octets=100)
    waiting = Exchange("fhir", body=b"a write")
    journal.open(waiting)
    for _ in range(5):
        kept(journal, 60)
    assert waiting.body == b"a write"


def test_entries_that_fell_out_no_longer_count_against_the_budget() -> None:
    journal = Journal(Clock(stepped=True), entries=2, octets=100)
    exchanges = [kept(journal, 40) for _ in range(10)]
    assert [len(e.body) for e in exchanges[-2:]] == [40, 40]


def test_replies_count_and_listeners_hear_of_closed_exchanges() -> None:
    journal, heard = Journal(Clock(stepped=True), octets=10), []
    journal.listen(heard.append)
    exchange = Exchange("fhir", reply=Reply(body=b"y" * 20))
    journal.open(exchange)
    assert heard == []
    journal.close(exchange)
    assert heard == [exchange]
    assert exchange.reply is not None
    assert exchange.reply.body == b""


def test_clearing_counts_from_one_again() -> None:
    journal = Journal(Clock(stepped=True))
    kept(journal, 3)
    journal.clear()
    assert (len(journal), journal.ndjson(), kept(journal).number) == (0, b"", 1)
