"""When a sender that bears failures for days gives an endpoint up."""

from __future__ import annotations

from tests.events.changes import changed, outbox

from mockehr.core.clock import Clock
from mockehr.events import Outbox
from mockehr.events.endurance import Endurance
from mockehr.events.policy import PRESETS

STEADY = PRESETS["health-gorilla-steady"]


def steady() -> tuple[Outbox, Clock, list[str]]:
    """An endpoint of Health Gorilla's second page, and what is said when it is switched off."""
    box, clock = outbox("health-gorilla", policy=STEADY, payload="full")
    said: list[str] = []
    box.switched_off = lambda lane: said.append(lane.off)
    box.listen(Endurance(box, clock.now).hear)
    return box, clock, said


def attempts(box: Outbox, clock: Clock, times: int, status: int = 500) -> int:
    """Answer that many attempts; how many there were."""
    for number in range(times):
        delivery = box.take()
        if delivery is None:
            return number
        box.settle(delivery, status)
        clock.advance(900)
    return times


def test_an_endpoint_that_never_took_anything_is_given_up_after_more_than_twenty_failures() -> None:
    box, clock, said = steady()
    box.hear(changed("Patient"))
    assert attempts(box, clock, 20) == 20
    assert said == []
    assert attempts(box, clock, 5) == 1
    assert said == ["never a success, and 21 failures"]
    assert box.lane("app").off


def test_an_endpoint_that_once_worked_is_given_up_after_three_days_of_failures() -> None:
    box, clock, said = steady()
    box.hear(changed("Patient", number=1))
    attempts(box, clock, 1, 202)
    box.hear(changed("Patient", number=2))
    failed = attempts(box, clock, 500)
    assert failed == 288  # every quarter of an hour for three days
    assert said == ["288 failures in a row, and no success for 259200 s"]


def test_few_failures_after_a_long_silence_are_borne() -> None:
    box, clock, said = steady()
    box.hear(changed("Patient", number=1))
    attempts(box, clock, 1, 200)
    clock.advance(10 * 86400)
    box.hear(changed("Patient", number=2))
    attempts(box, clock, 10)
    assert said == []
    attempts(box, clock, 1)
    assert len(said) == 1


def test_who_counts_failures_only_is_not_watched() -> None:
    box, clock = outbox("health-gorilla", payload="full")
    box.listen(Endurance(box, clock.now).hear)
    for number in range(1, 40):
        box.hear(changed("Patient", number=number))
        delivery = box.take()
        assert delivery is not None
        box.settle(delivery, 500)
    assert box.lane("app").off == ""
