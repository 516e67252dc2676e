"""Matches found on the way: bounded looks, stable pages, flat memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mockehr.fhir.record import Record
from mockehr.fhir.search.context import TooCostly
from mockehr.fhir.search.stream import KEPT_BEFORE, PageGone, StreamHits


def record(number: int) -> Record:
    return Record("Basic", str(number), 1, 0.0, {}, b"{}")


def walk(charts: int, every: int = 1) -> Iterator[Record | None]:
    """A match in every n-th chart."""
    for number in range(charts):
        if number % every == 0:
            yield record(number)
        yield None


def pages(hits: StreamHits, limit: int) -> list[list[str]]:
    offset = looked = 0
    found = []
    while True:
        portion = hits.portion(offset, limit, looked)
        found.append([one.id for one in portion.records])
        if not portion.more:
            return found
        offset, looked = offset + len(portion.records), portion.looked


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("most", [1, 4, 10, 1000])
@pytest.mark.parametrize("every", [1, 3, 50])
def test_pages_of_any_size_and_reach_add_up_to_all_matches(limit: int, most: int, every: int) -> None:
    found = pages(StreamHits(walk(101, every), most), limit)
    assert [id for page in found for id in page] == [str(number) for number in range(0, 101, every)]
    assert all(len(page) <= limit for page in found)


def test_a_page_ends_early_when_it_has_looked_far_enough() -> None:
    hits = StreamHits(walk(100, 40), 10)
    assert pages(hits, 5) == [["0"], [], [], [], ["40"], [], [], [], ["80"], []]


def test_a_page_asked_for_again_is_the_same_however_far_others_went() -> None:
    hits = StreamHits(walk(100, 7), 10)
    first = hits.portion(0, 5, 0)
    second = hits.portion(len(first.records), 5, first.looked)
    pages(hits, 5)
    assert hits.portion(0, 5, 0) == first
    assert hits.portion(len(first.records), 5, first.looked) == second


def test_only_what_recent_pages_need_is_kept() -> None:
    hits = StreamHits(walk(10_000), 100_000)
    portion = hits.portion(0, 50, 0)
    offset = 0
    for _ in range(20):
        before, before_looked = offset, portion.looked
        offset += 50
        portion = hits.portion(offset, 50, portion.looked)
    assert len(hits._window) <= 2 * KEPT_BEFORE
    assert hits.portion(before, 50, before_looked - 50).records[0].id == str(before)
    with pytest.raises(PageGone):
        hits.portion(0, 50, 0)


def test_a_far_offset_is_reached_without_keeping_the_way() -> None:
    hits = StreamHits(walk(10_000), 100_000)
    assert [one.id for one in hits.page(9_000, 3)] == ["9000", "9001", "9002"]
    assert len(hits._window) <= 2 * KEPT_BEFORE


def test_a_slice_that_is_too_far_is_told() -> None:
    hits = StreamHits(walk(100, 40), 10)
    with pytest.raises(TooCostly):
        hits.page(0, 2)
    assert [one.id for one in StreamHits(walk(10), 10).page(0, 50)] == [str(number) for number in range(10)]


def test_everything_is_given_up_to_the_bound_and_not_beyond() -> None:
    assert len(StreamHits(walk(10), 10).everything()) == 10
    with pytest.raises(TooCostly):
        StreamHits(walk(11), 10).everything()


def test_a_walk_that_failed_fails_again_and_does_not_look_like_an_end() -> None:
    def failing() -> Iterator[Record | None]:
        yield record(0)
        raise TooCostly("dear")

    hits = StreamHits(failing(), 10)
    for _ in range(2):
        with pytest.raises(TooCostly, match="dear"):
            hits.portion(0, 5, 0)


def test_a_total_is_what_was_told() -> None:
    assert StreamHits(walk(3), 10).total is None
    assert StreamHits(walk(3), 10, 3).total == 3
