"""An outbox where several things happen at once: resets, removals, rules and retries that meet each other."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from mockehr.core.changes import Change
from mockehr.core.clock import Clock
from mockehr.core.errors import UnknownName
from mockehr.events import Delivery, Hook, Outbox, Policy, Sender
from mockehr.events.keeper import NoKeeper
from mockehr.fhir.record import encode

Rule = Callable[[Delivery], None]


def outbox(rule: Rule = lambda delivery: None, **policy: Any) -> tuple[Outbox, Clock]:
    clock = Clock(stepped=True)
    box = Outbox(clock, Sender("north", encode))

    def prepare(delivery: Delivery) -> None:
        rule(delivery)
        box.write(delivery)
        box.sign(delivery)

    box.prepare = prepare
    box.add(hook(**policy))
    return box, clock


def hook(**policy: Any) -> Hook:
    return Hook("app", "http://app.example.org/hook", policy=Policy(**({"ladder": (10.0,)} | policy)))


def change(number: int = 1) -> Change:
    document = {"resourceType": "Patient", "id": "1"}
    return Change(number, "create", "Patient", "1", number, 0.0, "fhir", document, "1")


def take(box: Outbox) -> Delivery:
    delivery = box.take()
    assert delivery is not None
    return delivery


def test_an_answer_to_what_was_sent_before_a_reset_changes_nothing() -> None:
    box, clock = outbox(off_after=1)
    over: list[Delivery] = []
    box.listen(over.append)
    box.hear(change())
    before = take(box)
    box.reset()
    box.hear(change())
    after = take(box)
    box.settle(before, 500)
    lane = box.lane("app")
    assert (lane.under_way, lane.failed, lane.off, clock.pending(), over) == (1, 0, "", 0, [])
    box.settle(after, 200)
    box.settle(after, 200)  # twice
    assert (lane.under_way, box.delivered, over, box.under_way) == (0, 1, [after], 0)


def test_a_retry_of_before_a_reset_or_a_removal_is_never_made() -> None:
    for forget in (Outbox.reset, replaced):
        box, clock = outbox()
        box.hear(change())
        box.settle(take(box), 500)
        forget(box)
        clock.advance(10)
        assert (box.ready, box.under_way) == ([], 0)


def replaced(box: Outbox) -> None:
    """Another endpoint goes by the same name."""
    box.add(box.remove("app"))


@pytest.mark.parametrize("forget", [Outbox.reset, replaced])
@pytest.mark.parametrize(("name", "value"), [("late", 30.0), ("behind", 3)])
def test_what_a_rule_held_back_does_not_come_after_it_was_forgotten(
    name: str, value: Any, forget: Callable[[Outbox], None]
) -> None:
    box, clock = outbox(lambda delivery: setattr(delivery, name, value))
    over: list[Delivery] = []
    box.listen(over.append)
    box.hear(change())
    assert box.waiting == 1
    forget(box)
    assert len(over) == (forget is replaced)
    clock.advance(100)
    assert (box.take(), box.waiting, box.under_way) == (None, 0, 0)


def test_what_was_gathered_for_an_endpoint_that_is_replaced_is_not_told() -> None:
    box, clock = outbox(batch=5)
    box.hear(change())
    replaced(box)
    clock.advance(10)
    assert box.ready == []


def test_an_answer_to_an_endpoint_that_was_replaced_does_not_count_for_the_new_one() -> None:
    box, _ = outbox(at_once=1)
    box.hear(change())
    before = take(box)
    replaced(box)
    box.hear(change(2))
    assert take(box).events[0].number == 1
    box.settle(before, 200)
    assert (box.lane("app").under_way, box.lane("app").delivered) == (1, 0)


def test_a_retry_that_a_rule_drops_does_not_hold_up_the_others() -> None:
    box, clock = outbox(lambda delivery: setattr(delivery, "dropped", delivery.attempt > 1), order="fifo")
    woken: list[int] = []
    for number in (1, 2):
        box.hear(change(number))
    box.settle(take(box), 500)
    box.wake = lambda: woken.append(1)
    clock.advance(10)
    assert woken
    assert take(box).events[0].number == 2


def test_retries_of_an_endpoint_that_is_off_wait_until_it_is_on() -> None:
    box, clock = outbox(off_after=1)
    box.hear(change())
    box.settle(take(box), 500)
    assert box.lane("app").off
    clock.advance(10)
    assert (box.take(), box.waiting, box.under_way) == (None, 1, 0)
    box.hear(change(2))
    box.switch("app")
    assert [one.attempt for one in box.ready] == [2]
    assert list(box.lane("app").untold) == [2]
    assert take(box).events[0].number == 1


def test_only_what_goes_by_itself_is_under_way() -> None:
    box, clock = outbox(lambda delivery: setattr(delivery, "late", 5.0 * (delivery.number == 1)), order="fifo")
    box.hear(change())
    assert (box.under_way, box.waiting) == (0, 1)
    box.hear(change(2))
    box.hear(change(3))
    assert box.under_way == 2
    box.settle(take(box), 500)
    assert (box.under_way, box.waiting) == (0, 2)
    clock.advance(10)
    assert box.under_way == 3


def test_events_are_told_again_in_batches_under_new_numbers() -> None:
    box, _ = outbox(batch=2, batch_wait=0.0)
    for number in range(1, 6):
        box.hear(change(number))
    while (delivery := box.take()) is not None:
        box.settle(delivery, 200)
    again = box.tell_again("app", box.events("app", 1, 3))
    assert [[event.number for event in one.events] for one in again] == [[1, 2], [3]]
    assert (again[0].number, again[0].copy, box.lane("app").told) == (3, True, 5)
    with pytest.raises(UnknownName):
        box.tell_again("ap", [])


def test_the_newest_dead_letters_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockehr.events.outbox.DEAD_KEPT", 3)
    box, _ = outbox(ladder=())
    for number in range(1, 6):
        box.hear(change(number))
        box.settle(take(box), 500)
    assert [one.events[0].number for one in box.dead] == [3, 4, 5]


def test_a_form_that_has_no_words_for_a_change_is_not_asked_to_tell_of_it() -> None:
    box, _ = outbox()
    box.add(Hook("redox", "http://r.example.org/", form="redox"))
    quiet = Change(1, "create", "Binary", "b", 1, 0.0, "fhir", {"resourceType": "Binary", "id": "b"})
    box.hear(quiet)
    assert (box.lane("app").told, box.lane("redox").told) == (1, 0)


def test_an_endpoint_is_asked_about_by_its_own_name_and_nothing_is_kept_in_memory() -> None:
    box, _ = outbox()
    assert isinstance(box.keeper, NoKeeper)
    assert box.keeper.events("app", 1, None) == []


def test_a_waiting_delivery_takes_little_memory() -> None:
    box, _ = outbox()
    for number in range(1, 101):
        box.hear(change(number))
    count = 2000
    changes = [change(number) for number in range(101, 101 + count)]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for one in changes:
        box.hear(one)
    used = (tracemalloc.get_traced_memory()[0] - before) / count
    tracemalloc.stop()
    assert used < 1600, f"{used:.0f} octets a delivery"
