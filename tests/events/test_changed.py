"""Queues of feeds that are consumed by reading."""

from __future__ import annotations

import pytest
from tests.events.changes import changed

from mockehr.core.changes import Change
from mockehr.core.clock import Clock
from mockehr.core.errors import UnknownName
from mockehr.events.changed import ChangedFeeds

NEW = changed("Patient", number=1)
OTHER = changed("Patient", number=2, id="2")
AGAIN = changed("Patient", number=3, kind="update", before={})


def feeds(*heard: Change, latency: float = 0.0, settling: float = 0.0) -> tuple[ChangedFeeds, Clock]:
    clock = Clock(stepped=True)
    made = ChangedFeeds(clock.now, latency=latency, settling=settling)
    made.subscribe("app", "patients")
    for change in heard:
        made.hear(change)
    return made, clock


def numbers(made: ChangedFeeds, key: str = "app") -> list[int]:
    return [one.change.number for one in made.unprocessed(key, "patients")]


def test_a_subscription_sees_what_changes_after_it_was_made_and_nothing_before() -> None:
    made, _ = feeds(NEW)
    made.subscribe("late", "patients")
    made.hear(OTHER)
    assert numbers(made) == [1, 2]
    assert numbers(made, "late") == [2]
    assert numbers(made, "nobody") == []


def test_what_was_processed_is_told_to_others_still() -> None:
    made, _ = feeds()
    made.subscribe("other", "patients")
    made.hear(NEW)
    made.process(made.unprocessed("app", "patients"))
    assert (numbers(made), numbers(made, "other")) == ([], [1])


def test_a_change_can_be_read_when_the_latency_is_over() -> None:
    made, clock = feeds(NEW, latency=300)
    clock.advance(299)
    assert numbers(made) == []
    clock.advance(1)
    assert numbers(made) == [1]


def test_what_was_processed_between_two_moments_is_found_again() -> None:
    made, clock = feeds(NEW)
    made.process(made.unprocessed("app", "patients"))
    start = clock.now()
    clock.advance(60)
    made.hear(OTHER)
    made.process(made.unprocessed("app", "patients"))
    found = made.processed("app", "patients", start + 1, clock.now())
    assert [one.change.number for one in found] == [2]
    assert len(made.processed("app", "patients", start, clock.now())) == 2


def test_one_event_is_a_partial_subscription_and_all_are_an_active_one() -> None:
    made = ChangedFeeds(lambda: 0.0)
    assert made.status("app", "patients") == "INACTIVE"
    made.subscribe("app", "patients", "AddPatient")
    assert (made.status("app", "patients"), made.events("app", "patients")) == ("PARTIAL", ["AddPatient"])
    made.hear(NEW)
    made.hear(AGAIN)
    assert numbers(made) == [1]
    made.subscribe("app", "patients")
    assert made.status("app", "patients") == "ACTIVE"
    made.hear(AGAIN)
    assert numbers(made) == [1, 3]


def test_unsubscribing_ends_the_telling_and_not_what_waits() -> None:
    made, _ = feeds(NEW)
    made.unsubscribe("app", "patients", "UpdatePatient")
    made.hear(AGAIN)
    assert made.status("app", "patients") == "PARTIAL"
    made.unsubscribe("app", "patients")
    made.hear(OTHER)
    assert (numbers(made), made.status("app", "patients")) == ([1], "INACTIVE")


def test_a_subscription_counts_when_it_has_settled() -> None:
    made, clock = feeds(NEW, settling=300)
    assert (numbers(made), made.status("app", "patients")) == ([], "INACTIVE")
    clock.advance(300)
    made.hear(OTHER)
    assert (numbers(made), made.status("app", "patients")) == ([2], "ACTIVE")
    made.subscribe("app", "patients", "AddPatient")
    assert made.status("app", "patients") == "ACTIVE"


def test_what_there_is_none_of_is_refused_with_the_nearest() -> None:
    made, _ = feeds()
    with pytest.raises(UnknownName) as refused:
        made.subscribe("app", "patients", "AddPatients")
    assert "AddPatient" in refused.value.nearest
    with pytest.raises(UnknownName):
        made.status("app", "patient")


def test_a_reset_forgets_everybody() -> None:
    made, _ = feeds(NEW)
    made.reset()
    assert (numbers(made), made.status("app", "patients")) == ([], "INACTIVE")
