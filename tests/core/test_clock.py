from __future__ import annotations

import pytest

from mockehr.core.clock import FASTEST, LATEST, STEPPED_START, Clock, day, duration, instant


def test_a_stepped_clock_starts_on_a_monday_at_noon_and_stands() -> None:
    clock = Clock(stepped=True)
    assert clock.frozen
    assert instant(clock.now()) == "2026-01-05T12:00:00Z"
    assert clock.wait_for(clock.now() + 1) is None


def test_work_fires_in_order_of_due_time_then_of_scheduling_at_its_own_time() -> None:
    clock = Clock(stepped=True, start=0.0)
    seen: list[tuple[str, float]] = []
    for at, label in ((20, "late"), (10, "first"), (10, "second")):
        clock.schedule(at, lambda label=label: seen.append((label, clock.now())), label)  # type: ignore[misc]
    cancel = clock.schedule(15, lambda: seen.append(("cancelled", 0)), "cancelled")
    cancel()
    assert clock.next_due() == 10
    settled = clock.advance(30)
    assert seen == [("first", 10), ("second", 10), ("late", 20)]
    assert (settled.now, settled.fired, settled.pending) == (30, ("first", "second", "late"), 0)


def test_work_that_schedules_more_work_has_it_fired_in_the_same_advance() -> None:
    clock = Clock(stepped=True, start=0.0)
    clock.schedule(1, lambda: clock.schedule(2, lambda: None, "b") and None, "a")  # type: ignore[func-returns-value]
    assert clock.advance(5).fired == ("a", "b")


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan"), LATEST])
def test_time_runs_neither_backwards_nor_out_of_the_calendar(seconds: float) -> None:
    clock = Clock(stepped=True)
    with pytest.raises(ValueError, match="advance"):
        clock.advance(seconds)
    assert clock.now() == STEPPED_START


@pytest.mark.parametrize("scale", [0, -1, 1e7, 1e300, float("nan"), float("inf")])
def test_a_pace_that_is_none_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        Clock(stepped=True).run(scale=scale)


def test_work_that_raises_leaves_a_running_clock_running() -> None:
    clock = Clock(start=0.0)
    clock.schedule(1, lambda: {}["x"], "bad")  # type: ignore[misc]
    with pytest.raises(KeyError):
        clock.advance(5)
    assert not clock.frozen


def test_watchers_hear_of_scheduling_and_of_a_new_pace() -> None:
    clock, heard = Clock(stepped=True), []
    clock.watch(lambda: heard.append(1))
    clock.schedule(clock.now() + 1, lambda: None, "x")
    clock.run(scale=2)
    assert len(heard) == 2
    assert (clock.pending(), clock.frozen) == (1, False)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1.5h", 5400), ("2d12h", 216000), ("250ms", 0.25), ("7", 7), (4, 4)]
)
def test_durations_are_read(text: str | int, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "5 parsecs", "-5s", "1.2.3s", "²s"])
def test_what_is_no_duration_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        duration(text)


def test_instants_and_days_are_utc() -> None:
    assert instant(0.5, millis=True) == "1970-01-01T00:00:00.500Z"
    assert day(86399) == "1970-01-01"


def test_a_fast_clock_stops_with_the_calendar() -> None:
    clock = Clock(start=LATEST - 1e-6)
    clock.run(scale=FASTEST)
    assert LATEST - 1 < clock.now() <= LATEST
    while clock.now() < LATEST:
        pass
    assert instant(clock.now()) == "9999-12-31T23:59:59Z"


def test_a_clock_that_keeps_anothers_pace_shows_the_same_time_whatever_the_other_does() -> None:
    leader, follower = Clock(stepped=True, start=1000.0), Clock(start=5.0)
    fired: list[float] = []
    follower.schedule(1030.0, lambda: fired.append(follower.now()), "due")
    follower.keep(leader.pace())
    assert (follower.now(), follower.frozen) == (1000.0, True)
    leader.run(scale=FASTEST)
    follower.keep(leader.pace())
    first, between, last = leader.now(), follower.now(), leader.now()
    assert 1000.0 <= first <= between <= last
    leader.freeze()
    follower.keep(leader.pace())
    assert follower.now() == leader.now()
    assert follower.pace() == leader.pace()
    assert fired == []  # what fell due fires when somebody looks
    assert follower.fire_due().fired == (("due",) if leader.now() >= 1030.0 else ())


def test_work_that_advances_the_clock_further_is_not_undone_by_the_advance_it_fell_due_in() -> None:
    clock = Clock(stepped=True, start=0.0)
    clock.schedule(1.0, lambda: clock.advance(100.0) and None, "jump")
    settled = clock.advance(5.0)
    assert (clock.now(), settled.now, settled.fired) == (101.0, 101.0, ("jump",))
