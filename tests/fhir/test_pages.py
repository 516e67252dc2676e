"""Paging sessions: tokens that depend on the search alone, and a bounded memory."""

from __future__ import annotations

from mockehr.fhir.pages import Pages, PageSession
from mockehr.fhir.store import ListHits


def session(query: str = "name=x", offset: int = 10, kind: str = "Patient") -> PageSession:
    return PageSession(kind, query, ListHits(()), offset, 10)


def made(**options: int) -> Pages:
    return Pages(lambda name, number: f"{name}#{number}", **options)


def test_a_token_leads_to_its_session_again_and_again() -> None:
    pages, one = made(), session()
    token = pages.open(one)
    assert pages.get(token) is one
    assert pages.get(token) is one
    assert pages.get("other") is None


def test_tokens_depend_on_the_search_and_how_often_it_was_opened_not_on_the_order_of_arrival() -> None:
    searches = [session("a"), session("b"), session("a"), session("a", 20), session("a", kind="Condition")]
    first, second = made(), made()
    forward = [first.open(one) for one in searches]
    backward = [second.open(one) for one in reversed(searches)]
    assert sorted(forward) == sorted(backward)
    assert len(set(forward)) == len(searches)
    assert forward[2] == "Patient?a@10#2"


def test_the_oldest_sessions_are_forgotten_first() -> None:
    pages = made(kept=2)
    tokens = [pages.open(session(query)) for query in "abc"]
    assert [pages.get(token) is not None for token in tokens] == [False, True, True]


def test_clearing_ends_sessions_and_a_reset_counts_from_one_again() -> None:
    pages = made()
    token = pages.open(session())
    assert pages.clear() == 1
    assert pages.get(token) is None
    assert pages.open(session()) != token
    pages.reset()
    assert pages.open(session()) == token
