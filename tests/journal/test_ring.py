from __future__ import annotations

import pytest

from mockehr.core.clock import Clock
from mockehr.core.errors import UsageError
from mockehr.core.exchange import Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.journal import Journal
from mockehr.journal.ring import RESULTS_KEPT


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


class Gapped:
    """Numbers of which others take every second one."""

    def __init__(self) -> None:
        self.number = -1

    def next(self) -> int:
        self.number += 2
        return self.number

    def restart(self) -> None:
        self.number = -1


def test_a_journal_that_shares_its_numbers_finds_its_own_and_counts_anew_with_all() -> None:
    journal = Journal(Clock(stepped=True))
    journal.share(Gapped())
    exchanges = [kept(journal) for _ in range(4)]
    assert [exchange.number for exchange in exchanges] == [1, 3, 5, 7]
    assert [journal.get(exchange.number) for exchange in exchanges] == exchanges
    with pytest.raises(UsageError, match="entries kept: 1 to 7"):
        journal.get(2)
    journal.clear()
    assert kept(journal).number == 1


def test_a_journal_that_takes_over_exchanges_has_them_in_order_of_their_numbers() -> None:
    first, second, whole = Journal(Clock(stepped=True)), Journal(Clock(stepped=True)), Journal(Clock(stepped=True))
    numbers = Gapped()
    first.share(numbers)
    second.share(numbers)
    exchanges = [kept(one) for one in (first, second, second, first)]
    whole.take_over([*first, *second])
    assert list(whole) == exchanges
    assert whole.get(5) is exchanges[2]
    assert whole.last == 7


def test_old_entries_let_go_of_what_they_were_answered_from() -> None:
    journal = Journal(Clock(stepped=True))
    exchanges = [Exchange("fhir", path=f"/Patient/{number}") for number in range(RESULTS_KEPT + 5)]
    for number, exchange in enumerate(exchanges):
        journal.open(exchange)
        exchange.result = Problem(404, "not-found", "x") if number == 1 else object()
        journal.close(exchange)
    assert [number for number, exchange in enumerate(exchanges) if exchange.result is None] == [0, 2, 3, 4]
    assert exchanges[1].problem is not None
    assert len(journal) == len(exchanges)
