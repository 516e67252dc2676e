"""Reading rules of delivery as people write them, and what they decide."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.core.errors import ConfigError
from mockehr.events import Policy, policy_from


@pytest.mark.parametrize(
    ("settings", "made"),
    [
        ({}, Policy()),
        ({"ladder": "10s, 1m,"}, Policy(ladder=(10.0, 60.0))),
        ({"ladder": ["10s", 5, "2h"]}, Policy(ladder=(10.0, 5.0, 7200.0))),
        ({"ladder": []}, Policy(ladder=())),
        ({"ladder": "0s"}, Policy(ladder=(0.0,))),
        ({"accepts": "100,599"}, Policy(accepts=(100, 599))),
        ({"repeats": True, "within": "1h"}, Policy(repeats=True, within=3600.0)),
        ({"timeout": "2s", "batch_wait": 0.5}, Policy(timeout=2.0, batch_wait=0.5)),
        ({"off_stale": "3d", "off_stale_after": 11}, Policy(off_stale=259200.0, off_stale_after=11)),
        ({"at_once": 1, "batch": 20, "off_after": 3}, Policy(at_once=1, batch=20, off_after=3)),
        ({"order": "fifo", "exhausted": "drop"}, Policy(order="fifo", exhausted="drop")),
        ({"accepts": "2XX"}, Policy()),
        ({"accepts": "<400"}, Policy(below=400)),
        ({"accepts": "200, 202"}, Policy(accepts=(200, 202))),
        ({"accepts": [200, 202]}, Policy(accepts=(200, 202))),
        ({"accepts": 204}, Policy(accepts=(204,))),
    ],
)  # fmt: skip
def test_settings_are_read_as_people_write_them(settings: dict[str, Any], made: Policy) -> None:
    assert policy_from(settings) == made


def test_what_is_not_told_is_as_in_the_base() -> None:
    base = Policy(ladder=(1.0,), accepts=(200,), order="fifo")
    assert policy_from({"timeout": 3}, base) == Policy(ladder=(1.0,), accepts=(200,), order="fifo", timeout=3.0)
    assert policy_from({"accepts": "2xx"}, base).takes(204)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"laddr": "1s"}, "there is no setting 'laddr'; nearest: ladder"),
        ({"below": 400}, "there is no setting 'below'"),
        ({"ladder": 10}, "ladder: 10 is no list of waits"),
        ({"ladder": ["10s", True]}, "ladder: True is no span of time"),
        ({"ladder": "soon"}, "ladder: "),
        ({"timeout": "-1s"}, "timeout: "),
        ({"within": -1}, "within: -1 is no span of time"),
        ({"order": "lifo"}, "order: 'lifo' is not one of any, fifo"),
        ({"exhausted": "keep"}, "exhausted: 'keep' is not one of dead, drop"),
        ({"repeats": 1}, "repeats: 1 is neither true nor false"),
        ({"batch": True}, "batch: True is no whole number"),
        ({"batch": 1.5}, "batch: 1.5 is no whole number"),
        *(({"accepts": value}, "accepts: ") for value in ("", "<", "ok", "99", "600", "<4xx", "200,ok")),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_read_is_refused_by_name(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        policy_from(settings)
    (problem,) = refused.value.problems
    assert problem.startswith(why)


def test_everything_that_is_wrong_is_told_at_once_with_the_settings_that_there_are() -> None:
    with pytest.raises(ConfigError) as refused:
        policy_from({"preset": "redux", "laddr": "1s", "batch": "many"})
    assert len(refused.value.problems) == 3
    assert "preset, ladder, repeats" in str(refused.value)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"ladder": (10.0, -1.0)}, "ladder: -1 is no wait"),
        ({"timeout": 0.0}, "timeout: 0 leaves no time"),
        ({"repeats": True, "ladder": ()}, "repeats: wants a ladder"),
        ({"at_once": 0}, "at_once: 0 is too small; it must be 1 or more"),
        ({"batch": 0}, "batch: 0 is too small"),
        ({"off_after": -1}, "off_after: -1 is too small; it must be 0 or more"),
    ],
)
def test_rules_that_nobody_can_deliver_by_are_refused(told: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Policy(**told)
    assert refused.value.problems[0].startswith(why)


def test_the_least_that_can_be_set_is_accepted() -> None:
    made = Policy(ladder=(0.0,), repeats=True, timeout=0.5, at_once=1, batch=1, off_after=0, batch_wait=0.0)
    assert made.wait(9, 0.0) == 0.0


def test_the_ladder_ends_repeats_or_stops_where_its_time_is_over() -> None:
    def waits(**told: Any) -> list[float | None]:
        return [Policy(ladder=(10.0, 60.0), **told).wait(attempt, 10.0 * attempt) for attempt in (1, 2, 3)]

    assert waits() == [10.0, 60.0, None]
    assert waits(repeats=True) == [10.0, 60.0, 60.0]
    assert waits(repeats=True, within=80.0) == [10.0, 60.0, None]  # 20 + 60 is within, 30 + 60 is not
    assert Policy(ladder=()).wait(1, 0.0) is None


def test_an_endpoint_is_given_up_at_the_bound_and_not_before() -> None:
    never = Policy(off_never=3)
    assert [bool(never.gives_up(failures, None)) for failures in (2, 3, 4)] == [False, True, True]
    assert never.gives_up(99, 1e9) == ""
    stale = Policy(off_stale=60.0, off_stale_after=1)
    assert [bool(stale.gives_up(1, since)) for since in (59.0, 60.0)] == [False, True]
    assert (stale.gives_up(0, 99.0), stale.gives_up(99, None)) == ("", "")
    assert Policy().gives_up(99, 1e9) == Policy().gives_up(99, None) == ""
