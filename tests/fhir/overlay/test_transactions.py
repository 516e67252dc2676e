"""Several writes that become visible together, on every kind of overlay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mockehr.core.changes import Change
from mockehr.fhir.overlay import Overtaken
from mockehr.fhir.record import Record
from mockehr.fhir.store import Store


def put(store: Store, id: str, value: str = "", **more: Any) -> Record:
    document: dict[str, Any] = {"resourceType": "Observation", "id": id, "subject": {"reference": "Patient/p1"}}
    document |= {"identifier": [{"system": "urn:a", "value": value}]} if value else {}
    return store.commit(document | more, kind="update", source="fhir")


@contextmanager
def undone(store: Store) -> Iterator[None]:
    """A transaction that fails at its end."""
    try:
        with store.transaction():
            yield
            raise ZeroDivisionError
    except ZeroDivisionError:
        return
    raise AssertionError("the failure was swallowed")


def test_listeners_hear_of_a_transaction_when_it_is_over_and_in_order(store: Store) -> None:
    heard: list[tuple[int, str]] = []
    store.log.listen(lambda change: heard.append((change.number, change.id)))
    put(store, "a")
    with store.transaction():
        put(store, "b")
        put(store, "c")
        assert heard == [(1, "a")]
        assert [change.id for change in store.log.changes] == ["a", "b", "c"]
    assert heard == [(1, "a"), (2, "b"), (3, "c")]


def test_a_failed_transaction_leaves_no_trace(store: Store) -> None:
    heard: list[Change] = []
    first = put(store, store.new_id("Observation"), "1")
    put(store, "z", "1")
    store.log.listen(heard.append)
    with undone(store):
        put(store, "w1", "2")
        store.commit({"resourceType": "Observation", "id": "z"}, kind="delete", source="fhir", patient="p1")
        assert store.new_id("Observation") == "w2"
        put(store, "w2")
        put(store, "w2", "1")
        assert [record.id for record in store.written_with("Observation", "urn:a", "1")] == ["w2"]
    assert store.read("Observation", "w1") == first
    assert [record.id for record in store.overlay("Observation")] == ["w1", "z"]
    assert [record.id for record in store.chart("p1", "Observation")] == ["w1", "z"]
    assert [record.id for record in store.written_with("Observation", "urn:a", "1")] == ["w1", "z"]
    assert (store.written_with("Observation", "urn:a", "2"), store.last, heard) == ([], 2, [])
    assert [change.number for change in store.log.changes] == [1, 2]
    assert store.new_id("Observation") == "w2"
    put(store, "w2")
    assert [change.number for change in heard] == [3]


def test_a_type_that_was_undone_takes_no_place_among_the_types(store: Store) -> None:
    with undone(store):
        put(store, "a")
    store.commit({"resourceType": "Basic", "id": "x"}, kind="create", source="fhir")
    put(store, "b")
    assert [record.id for record in store.written()] == ["x", "b"]


def test_a_transaction_within_another_is_undone_alone_or_with_it(store: Store) -> None:
    with store.transaction():
        put(store, "a")
        with undone(store):
            put(store, "b")
        with store.transaction():
            put(store, "c")
    assert [record.id for record in store.written()] == ["a", "c"]
    with undone(store), store.transaction():
        put(store, "d")
    assert [record.id for record in store.written()] == ["a", "c"]
    assert [change.number for change in store.log.changes] == [1, 2]


def test_a_write_over_a_version_that_is_not_the_current_one_is_refused(store: Store) -> None:
    put(store, "a")
    document = {"resourceType": "Observation", "id": "a"}
    store.commit(document, kind="update", source="fhir", over=1)
    for over in (0, 1, 3):
        with pytest.raises(Overtaken, match="is at version 2"):
            store.commit(document, kind="update", source="fhir", over=over)
    assert store.last == 2
    store.commit({"resourceType": "Observation", "id": "b"}, kind="create", source="fhir", over=0)


def test_nothing_can_be_cleared_or_returned_to_within_a_transaction(store: Store) -> None:
    kept = store.keep()
    with store.transaction():
        put(store, "a")
        with pytest.raises(RuntimeError, match="within a transaction"):
            store.clear()
        with pytest.raises(RuntimeError, match="within a transaction"):
            store.return_to(kept)
    assert store.last == 1


def test_what_a_listener_writes_is_told_after_what_it_heard_of(store: Store) -> None:
    heard: list[tuple[str, int]] = []

    def answer(change: Change) -> None:
        heard.append(("first", change.number))
        if change.number == 1:
            with store.transaction():
                put(store, "answer")

    store.log.listen(answer)
    store.log.listen(lambda change: heard.append(("second", change.number)))
    with store.transaction():
        put(store, "a")
        put(store, "b")
    assert heard == [("first", 1), ("second", 1), ("first", 2), ("second", 2), ("first", 3), ("second", 3)]


def test_deleting_and_reviving_keeps_the_place_in_the_overlay_and_moves_that_in_the_chart(store: Store) -> None:
    put(store, "a", "1")
    put(store, "b", "1")
    store.commit({"resourceType": "Observation", "id": "a"}, kind="delete", source="fhir", patient="p1")
    assert [record.id for record in store.chart("p1", "Observation")] == ["b"]
    assert [(record.id, record.deleted) for record in store.overlay("Observation")] == [("a", True), ("b", False)]
    put(store, "a", "1")
    assert [record.id for record in store.chart("p1", "Observation")] == ["b", "a"]
    assert [record.id for record in store.overlay("Observation")] == ["a", "b"]
    assert [record.id for record in store.written_with("Observation", "urn:a", "1")] == ["b", "a"]


def test_versions_are_told_the_newest_first_and_since_a_time(store: Store) -> None:
    clock = store._clock
    for id in "abc":
        put(store, id)
        clock.advance(10)
    store.commit({"resourceType": "Basic", "id": "x"}, kind="create", source="fhir")
    assert [record.id for record in store.versions().page(0, 9)] == ["x", "c", "b", "a"]
    assert [record.id for record in store.versions("Observation").page(1, 1)] == ["b"]
    recent = store.versions("Observation", since=110.0)
    assert (recent.total, [record.id for record in recent.page(0, 9)]) == (2, ["c", "b"])
    assert store.versions("Goal").total == 0
