from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mockehr.core.changes import Change, ChangeLog
from mockehr.core.clock import Clock
from mockehr.core.errors import ConfigError, DuplicateName, UnknownName
from mockehr.events import Delivery, Hook, Outbox, Policy, Sender, signature, verify
from mockehr.fhir.record import encode


def outbox(policy: dict[str, Any] | None = None, **hook: Any) -> tuple[Outbox, Clock, Callable[[], None]]:
    """An outbox with one endpoint, whose deliveries are written and signed as they are drawn up."""
    clock, log = Clock(stepped=True), ChangeLog()
    box = Outbox(clock, Sender("north", encode))
    rules = Policy(**({"ladder": (10.0, 60.0)} | (policy or {})))
    box.add(Hook("app", "http://app.example.org/hook?k=1", policy=rules, **hook))
    disturb(box, lambda delivery: None)
    log.listen(box.hear)
    document = {"resourceType": "Patient", "id": "1"}
    return (
        box,
        clock,
        lambda: log.commit(
            Change(1 + len(log.changes), "create", "Patient", "1", 1, clock.now(), "fhir", document, "1", "ADT^A01")
        ),
    )


def disturb(box: Outbox, rule: Callable[[Delivery], None]) -> None:
    """Do what the site's pipeline does: let a rule act, write, sign."""

    def prepare(delivery: Delivery) -> None:
        rule(delivery)
        box.write(delivery)
        box.sign(delivery)

    box.prepare = prepare


def taken(box: Outbox) -> list[int]:
    """Changes in the order in which they can be sent, without any answer yet."""
    found = []
    while (delivery := box.take()) is not None:
        found += [event.change.number for event in delivery.events]
    return found


def take(box: Outbox) -> Delivery:
    delivery = box.take()
    assert delivery is not None
    return delivery


def test_a_change_becomes_a_signed_delivery_that_names_it() -> None:
    box, clock, change = outbox(secret="s")
    change()
    (delivery,) = box.ready
    sent = delivery.exchange
    assert (sent.method, sent.path, sent.query, sent.direction, sent.changes) == ("POST", "/hook", "k=1", "out", (1,))
    assert sent.headers["x-mockehr-delivery"] == "dlv-1"
    assert verify("s", sent.headers["x-mockehr-signature"], sent.body, now=int(clock.now())) == ""
    assert b'"id":"evt-1"' in sent.body
    assert b'"trigger":"A01"' in sent.body
    assert b"document" not in sent.body


def test_a_refused_delivery_climbs_the_ladder_and_then_is_dead() -> None:
    box, clock, change = outbox()
    change()
    for attempt, wait, then in ((1, 10, "retry"), (2, 60, "retry"), (3, 0, "dead")):
        delivery = take(box)
        assert delivery.attempt == attempt
        box.settle(delivery, 500, "boom")
        assert delivery.exchange.notes == {"failure": "boom", "taken": False, "then": then}
        clock.advance(wait)
    assert (len(box.dead), box.waiting, box.delivered) == (1, 0, 0)
    assert box.lane("app").failed == 3
    again = box.replay(box.dead[0])
    assert (again.events, again.attempt, len(box.dead)) == (delivery.events, 1, 0)


def test_an_accepted_delivery_is_counted_and_done() -> None:
    box, clock, change = outbox()
    change()
    box.settle(take(box), 204)
    assert (box.delivered, clock.pending(), box.under_way) == (1, 0, 0)


def test_a_receiver_that_was_removed_is_told_no_more_not_even_again() -> None:
    box, clock, change = outbox()
    change()
    change()
    over: list[Delivery] = []
    box.listen(over.append)
    box.settle(take(box), 500)
    box.remove("app")
    assert [one.exchange.notes.get("failure") for one in over] == [None, "the endpoint was removed"]
    clock.advance(60)
    assert (box.waiting, box.under_way) == (0, 0)
    with pytest.raises(UnknownName):
        box.lane("app")


def test_copies_come_later_under_another_delivery_id_and_dropped_ones_never() -> None:
    box, clock, change = outbox()

    def rule(delivery: Delivery) -> None:
        delivery.copies, delivery.copies_apart, delivery.dropped = 1, 5.0, delivery.number == 1

    disturb(box, rule)
    change()
    assert not box.ready
    clock.advance(5)
    assert [delivery.number for delivery in box.ready] == [2]
    clock.advance(50)
    assert [delivery.number for delivery in box.ready] == [2]  # copies have no copies
    box.reset()
    assert not box.ready


def test_late_deliveries_wait_for_the_clock_and_overtaken_ones_for_others() -> None:
    box, clock, change = outbox()
    rules = {1: ("late", 100.0), 2: ("behind", 2)}

    def rule(delivery: Delivery) -> None:
        name, value = rules.get(delivery.number, ("behind", 0))
        setattr(delivery, name, value)

    disturb(box, rule)
    for _ in range(4):
        change()
    assert taken(box) == [3, 4, 2]
    clock.advance(100)
    assert taken(box) == [1]
    rules[5] = ("behind", 3)
    change()
    clock.advance(59)
    assert taken(box) == []
    clock.advance(1)
    assert taken(box) == [5]  # nobody came to overtake it


def test_an_endpoint_that_wants_its_order_hears_nothing_while_the_first_is_not_taken() -> None:
    box, clock, change = outbox({"order": "fifo"})
    for _ in range(3):
        change()
    assert taken(box) == [1]
    first = outbox({"order": "fifo", "repeats": True, "ladder": (10.0,)})
    box, clock, change = first
    for _ in range(3):
        change()
    for _ in range(4):
        delivery = take(box)
        assert box.take() is None
        box.settle(delivery, 400)
        assert box.take() is None
        clock.advance(10)
    last = take(box)
    assert (last.attempt, last.change and last.change.number) == (5, 1)
    box.settle(last, 200)
    following = take(box)
    assert following.change is not None
    assert (following.change.number, following.attempt) == (2, 1)


def test_no_more_than_agreed_are_under_way_to_one_endpoint() -> None:
    box, _, change = outbox({"at_once": 2})
    for _ in range(4):
        change()
    first = take(box)
    take(box)
    assert box.take() is None
    box.settle(first, 200)
    assert taken(box) == [3]


def test_events_that_are_gathered_go_in_one_delivery_when_full_or_when_time_is_up() -> None:
    box, clock, change = outbox({"batch": 3, "batch_wait": 5.0})
    for _ in range(4):
        change()
    (full,) = box.ready
    assert [event.number for event in full.events] == [1, 2, 3]
    assert full.exchange.changes == (1, 2, 3)
    clock.advance(5)
    assert [[event.number for event in one.events] for one in box.ready] == [[1, 2, 3], [4]]


def test_an_endpoint_is_switched_off_after_failures_in_a_row_and_on_by_hand() -> None:
    box, _, change = outbox({"off_after": 2, "ladder": ()})
    off: list[str] = []
    box.switched_off = lambda lane: off.append(lane.off)
    for status in (500, 200, 500, 500):
        change()
        box.settle(take(box), status)
    assert off == ["2 failures in a row"]
    change()
    assert (box.ready, box.lane("app").told) == ([], 5)
    box.switch("app")
    change()
    assert taken(box) == [6]
    assert [event.number for event in box.events("app", 5)] == [5, 6]
    assert [event.number for event in box.events("app", 2, 3)] == [2, 3]


def test_what_counts_as_taken_and_for_how_long_it_is_tried_is_a_matter_of_policy() -> None:
    box, clock, change = outbox({"accepts": (200, 202), "within": 15.0})
    change()
    box.settle(take(box), 204)
    clock.advance(10)
    box.settle(take(box), 204)
    assert clock.pending() == 0
    assert len(box.dead) == 1
    forgetful, _, change = outbox({"exhausted": "drop", "ladder": ()})
    change()
    forgetful.settle(take(forgetful), 500)
    assert not forgetful.dead


def test_handshakes_and_heartbeats_are_deliveries_without_events() -> None:
    box, clock, _ = outbox()
    shake = box.notify("app", "handshake")
    assert (shake.events, shake.id, shake.exchange.body) == ((), "handshake-1", b'{"type":"handshake"}')
    box.settle(take(box), 500)
    assert clock.pending() == 0


def test_both_secrets_sign_while_a_rotation_lasts() -> None:
    from mockehr.events.hook import rotated

    box, clock, change = outbox(secret="old")
    box.change(rotated(box.hooks["app"], "new", keep_old=True))
    change()
    sent = take(box).exchange
    for secret, why in (("new", ""), ("old", ""), ("other", "the signature does not fit the body")):
        assert verify(secret, sent.headers["x-mockehr-signature"], sent.body, now=int(clock.now())) == why
    box.change(rotated(box.hooks["app"], "newest", keep_old=False))
    change()
    sent = take(box).exchange
    assert "fit" in verify("new", sent.headers["x-mockehr-signature"], sent.body, now=int(clock.now()))


def test_names_are_taken_once_and_forms_are_known() -> None:
    box, _, _ = outbox()
    with pytest.raises(DuplicateName):
        box.add(Hook("app", "http://h.example.org/"))
    with pytest.raises(UnknownName, match="mokehr"):
        box.add(Hook("b", "http://h.example.org/", form="mokehr"))
    with pytest.raises(UnknownName, match="hubb"):
        box.add(Hook("b", "http://h.example.org/", signing="hubb"))
    with pytest.raises(ConfigError):
        Policy(at_once=0)


def test_a_receiver_hears_only_of_what_it_asked_for_and_may_get_the_resource() -> None:
    box, _, change = outbox(resources=("Observation",))
    change()
    assert not box.ready
    box, _, change = outbox(payload="full", kinds=("create",))
    change()
    assert b'"document":{"resourceType":"Patient"' in box.ready[0].exchange.body
    box, _, change = outbox(payload="empty")
    change()
    assert b"Patient/1" not in box.ready[0].exchange.body


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("", "not of the form"),
        ("t=²,v1=a", "not of the form"),
        ("t=5,v1=é", "does not fit"),
        (signature("other", 5, b"x"), "does not fit"),
        (signature("s", 5, b"y"), "does not fit"),
        (signature("s", 5, b"x"), "995 s old"),
    ],
)
def test_a_signature_that_does_not_hold_is_told_why(header: str, why: str) -> None:
    assert why in verify("s", header, b"x", now=1000)
