from __future__ import annotations

from collections.abc import Callable

import pytest

from mockehr.core.changes import Change, ChangeLog
from mockehr.core.clock import Clock
from mockehr.events import Delivery, Hook, Outbox, signature, verify
from mockehr.fhir.record import encode


def outbox(**hook: object) -> tuple[Outbox, Clock, Callable[[], None]]:
    clock, log = Clock(stepped=True), ChangeLog()
    box = Outbox(clock, encode)
    given = {"ladder": (10.0, 60.0)} | hook
    box.hooks["app"] = Hook("app", "http://app.example.org/hook?k=1", **given)  # type: ignore[arg-type]
    log.listen(box.hear)
    document = {"resourceType": "Patient", "id": "1"}
    return (
        box,
        clock,
        lambda: log.commit(
            Change(1 + len(log.changes), "create", "Patient", "1", 1, clock.now(), "fhir", document, "1", "ADT^A01")
        ),
    )


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
    for attempt, wait in ((1, 10), (2, 60), (3, 0)):
        delivery = box.ready.popleft()
        assert delivery.attempt == attempt
        box.settle(delivery, 500, "boom")
        assert delivery.exchange.notes["failure"] == "boom"
        clock.advance(wait)
    assert (len(box.dead), len(box.ready), box.delivered) == (1, 0, 0)


def test_an_accepted_delivery_is_counted_and_done() -> None:
    box, clock, change = outbox()
    change()
    box.settle(box.ready.popleft(), 204)
    assert (box.delivered, clock.pending()) == (1, 0)


def test_a_receiver_that_was_removed_is_told_no_more_not_even_again() -> None:
    box, clock, change = outbox()
    change()
    box.settle(box.ready.popleft(), 500)
    del box.hooks["app"]
    clock.advance(60)
    assert not box.ready


def test_copies_come_later_under_another_delivery_id_and_dropped_ones_never() -> None:
    box, clock, change = outbox()

    def prepare(delivery: Delivery) -> None:
        delivery.copies, delivery.copies_apart, delivery.dropped = 1, 5.0, delivery.number == 1

    box.prepare = prepare
    change()
    assert not box.ready
    clock.advance(5)
    assert [delivery.number for delivery in box.ready] == [2]
    box.reset()
    assert not box.ready


def test_a_receiver_hears_only_of_what_it_asked_for_and_may_get_the_resource() -> None:
    box, _, change = outbox(resources=("Observation",))
    change()
    assert not box.ready
    box, _, change = outbox(payload="full", kinds=("create",))
    change()
    assert b'"document":{"resourceType":"Patient"' in box.ready[0].exchange.body


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
